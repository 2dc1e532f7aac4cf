"""Every error that a caller of Squid Mesh can meet.

::

    SquidMeshError
    ├── configuration  ConfigurationError WorkflowNotFound InvalidWorkflow StepTypeNotFound StepTypeConflict
    │                  StepTypeBroken InvalidExpression DatabaseUnavailable StatementRefused
    │                  SchemaOutdated
    ├── starting       TriggerNotFound TriggerRequired InvalidPayload IdempotencyConflict InvalidHueyTask
    ├── runs           InvalidRunId RunNotFound AmbiguousRunId InvalidTransition RunNotPaused
    │                  WrongManualAction ActorRequired UnsafeReplay QueueNotFound
    └── steps          StepFailed RetryStep InvalidValue

The data of an error are its attributes, so that a host can act on it without parsing its text, and
pickle it. Names follow what happened and carry no suffix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.errors.root import SquidMeshError, closest, suggestion
from squidmesh.errors.runs import (
    ActorRequired,
    AmbiguousRunId,
    InvalidRunId,
    InvalidTransition,
    QueueNotFound,
    RunNotFound,
    RunNotPaused,
    UnsafeReplay,
    WrongManualAction,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ConfigurationError(SquidMeshError):
    """Settings, files or registrations that cannot work, all of them at once."""

    problems: Sequence[str]

    def __str__(self) -> str:
        return "\n".join(self.problems)


class WorkflowNotFound(SquidMeshError):
    """No loaded file declares this workflow."""

    name: str
    known: Sequence[str]

    def __str__(self) -> str:
        listed = f"; known: {', '.join(self.known)}" if self.known else "; no workflow is loaded"
        return f"workflow {self.name!r} is not known{suggestion(self.name, self.known)}{listed}"


class InvalidWorkflow(SquidMeshError):
    """A workflow file has errors; ``diagnostics`` says where and what."""

    diagnostics: Sequence[Any]

    def __str__(self) -> str:
        return "\n".join(str(diagnostic) for diagnostic in self.diagnostics)


class TriggerNotFound(SquidMeshError):
    """The workflow declares no trigger of this name."""

    workflow: str
    name: str
    known: Sequence[str]

    def __str__(self) -> str:
        hint = suggestion(self.name, self.known)
        return f"workflow {self.workflow!r} has no trigger {self.name!r}{hint}; it has: {', '.join(self.known)}"


class TriggerRequired(SquidMeshError):
    """Several triggers could be meant; the caller must name one."""

    workflow: str
    names: Sequence[str]

    def __str__(self) -> str:
        return f"workflow {self.workflow!r} has several triggers; name one of: {', '.join(self.names)}"


class InvalidPayload(SquidMeshError):
    """A payload breaks its contract; ``fields`` maps each field to what is wrong with it."""

    fields: Mapping[str, str]

    def __str__(self) -> str:
        return "invalid payload: " + "; ".join(f"{name}: {problem}" for name, problem in self.fields.items())


class IdempotencyConflict(SquidMeshError):
    """The idempotency key was used before with another payload."""

    workflow: str
    key: str
    run_id: str

    def __str__(self) -> str:
        return (
            f"idempotency key {self.key!r} of workflow {self.workflow!r} belongs to run {self.run_id}, "
            "started with another payload"
        )


class InvalidHueyTask(SquidMeshError):
    """A huey task of the host cannot be written as JSON; ``argument`` is what cannot, ``""`` for something else."""

    task: str
    argument: str
    reason: str

    def __str__(self) -> str:
        told = f"argument {self.argument!r} {self.reason}" if self.argument else self.reason
        return f"huey task {self.task!r} was not enqueued: {told}"


class StepTypeNotFound(SquidMeshError):
    """No package registers this step type."""

    name: str
    known: Sequence[str]

    def __str__(self) -> str:
        return f"step type {self.name!r} is not registered{suggestion(self.name, self.known)}"


class StepTypeConflict(SquidMeshError):
    """One step type name has two targets."""

    name: str
    distributions: Sequence[str]

    def __str__(self) -> str:
        return f"step type {self.name!r} is offered more than once: {', '.join(self.distributions)}"


class StepTypeBroken(SquidMeshError):
    """A registered step type cannot be loaded (``reason`` is the import's error)."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"step type {self.name!r} cannot be loaded: {self.reason}"


class InvalidExpression(SquidMeshError):
    """A ``when`` expression does not compile; ``column`` is 1-based, None where unknown."""

    expression: str
    reason: str
    column: int | None = None

    def __str__(self) -> str:
        return self.reason


class InvalidValue(SquidMeshError):
    """A value cannot be kept as JSON; ``path`` says where, ``""`` for the value itself."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class DatabaseUnavailable(SquidMeshError):
    """The database cannot be reached or refused the connection."""

    detail: str

    def __str__(self) -> str:
        return f"the database is not available: {self.detail}"


class StatementRefused(DatabaseUnavailable):
    """The database answered, and refused a statement."""

    def __str__(self) -> str:
        return f"the database refused a statement: {self.detail}"


class SchemaOutdated(SquidMeshError):
    """The database's tables are not those of this version (``current`` None: there are none)."""

    current: str | None
    expected: str

    def __str__(self) -> str:
        if self.current and self.current > self.expected:
            return (
                f"the tables are at version {self.current}, which a newer squidmesh made; "
                f"this one needs version {self.expected}: upgrade the package"
            )
        found = f"at version {self.current}" if self.current else "missing"
        return f"the tables are {found}, version {self.expected} is needed; run 'squidmesh db upgrade'"


class StepFailed(SquidMeshError):
    """Raised by a step: failed for good, no retry, straight to the ``error`` route."""

    message: str
    code: str = "step_failed"
    details: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return self.message


class RetryStep(SquidMeshError):
    """Raised by a step: failed, retryable under the step's policy.

    ``delay`` (a duration such as ``"10s"``, or seconds) overrides the policy's backoff.
    """

    message: str
    delay: str | float | None = None
    code: str = "step_retry"
    details: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return self.message


__all__ = [
    "ActorRequired",
    "AmbiguousRunId",
    "ConfigurationError",
    "DatabaseUnavailable",
    "IdempotencyConflict",
    "InvalidExpression",
    "InvalidHueyTask",
    "InvalidPayload",
    "InvalidRunId",
    "InvalidTransition",
    "InvalidValue",
    "InvalidWorkflow",
    "QueueNotFound",
    "RetryStep",
    "RunNotFound",
    "RunNotPaused",
    "SchemaOutdated",
    "SquidMeshError",
    "StatementRefused",
    "StepFailed",
    "StepTypeBroken",
    "StepTypeConflict",
    "StepTypeNotFound",
    "TriggerNotFound",
    "TriggerRequired",
    "UnsafeReplay",
    "WorkflowNotFound",
    "WrongManualAction",
    "closest",
    "suggestion",
]
