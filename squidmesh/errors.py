"""Every error that a caller of Squid Mesh can meet.

::

    SquidMeshError
    ├── configuration  ConfigurationError WorkflowNotFound InvalidWorkflow StepTypeNotFound StepTypeConflict
    │                  StepTypeBroken InvalidExpression DatabaseUnavailable StatementRefused
    │                  SchemaOutdated
    ├── starting       TriggerNotFound TriggerRequired InvalidPayload IdempotencyConflict
    ├── runs           InvalidRunId RunNotFound InvalidTransition RunNotPaused WrongManualAction
    │                  ActorRequired UnsafeReplay
    └── steps          StepFailed RetryStep InvalidValue

The data of an error are its attributes, so that a host can act on it without parsing its text, and
pickle it. Names follow what happened and carry no suffix.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def closest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that ``name`` is probably meant to be, if one is close."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return close[0] if close else None


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest known name, or an empty string."""
    close = closest(name, known)
    return f" (did you mean {close!r}?)" if close else ""


@dataclass_transform(eq_default=False)
@dataclass(eq=False)
class SquidMeshError(Exception):
    """Base of everything that Squid Mesh raises on purpose; the subclasses are dataclasses like it."""

    def __init_subclass__(cls) -> None:
        dataclass(eq=False)(cls)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self))


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


class InvalidRunId(SquidMeshError):
    """The value is not a run id (a UUID or its string)."""

    value: str

    def __str__(self) -> str:
        return f"{self.value[:80]!r} is not a run id: a UUID is expected"


class RunNotFound(SquidMeshError):
    """No run has this id."""

    run_id: str

    def __str__(self) -> str:
        return f"no run has the id {self.run_id}"


class InvalidTransition(SquidMeshError):
    """The run's status does not allow what was asked, or what became of its steps (``reason``)."""

    from_status: str
    to_status: str
    reason: str = ""

    def __str__(self) -> str:
        return f"a run that is {self.from_status} cannot become {self.to_status}{self.reason and f': {self.reason}'}"


class RunNotPaused(SquidMeshError):
    """The run waits for no person, or somebody has decided already (``detail``)."""

    run_id: str
    detail: str

    def __str__(self) -> str:
        return f"run {self.run_id} is not paused: {self.detail}"


class WrongManualAction(SquidMeshError):
    """A pause was approved, or an approval unblocked."""

    run_id: str
    action: str
    expected: Sequence[str]

    def __str__(self) -> str:
        return f"run {self.run_id} cannot take {self.action}; it waits for: {', '.join(self.expected)}"


class ActorRequired(SquidMeshError):
    """The action must say who decided."""

    action: str

    def __str__(self) -> str:
        return f"{self.action} needs an actor: a name that is not empty"


class UnsafeReplay(SquidMeshError):
    """A replay would repeat steps whose effects cannot be undone; ``from_step`` would avoid it, if any does."""

    steps: Sequence[str]
    from_step: str | None = None

    def __str__(self) -> str:
        hint = f"replay from_step={self.from_step!r} or " if self.from_step else ""
        return (
            f"a replay would repeat {', '.join(self.steps)}, which cannot be undone; {hint}pass allow_irreversible=True"
        )


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
