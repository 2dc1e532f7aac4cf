"""From a claim to what its execution needs: the definition, the step, and what the step may see."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.errors import DatabaseUnavailable
from squidmesh.model.definition import Shape, Uses
from squidmesh.model.state import StepRunKind
from squidmesh.runtime.retry import COMPENSATION_RETRY
from squidmesh.runtime.snapshot import Snapshot, StepInput
from squidmesh.store.outputs import read_failures, read_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    import psycopg

    from squidmesh.model.claim import Claim
    from squidmesh.model.definition import RetryPolicy, Step
    from squidmesh.runtime.definitions import Definition, DefinitionCache
    from squidmesh.store.engine import Database
    from squidmesh.store.outputs import StoredFailure, StoredOutput

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The step that a compensation undoes: its ``output`` (JSON text), and what it saw ``before`` it ran."""

    output: str
    before: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A claimed step run, ready to execute."""

    claim: Claim
    definition: Definition
    step: Step
    snapshot: Snapshot
    undo: Undo | None = None

    @property
    def retry(self) -> RetryPolicy:
        """The retry policy that holds for this claim."""
        return COMPENSATION_RETRY if self.claim.kind is StepRunKind.COMPENSATION else self.step.retry

    def holds(self, expression: str, snapshot: Snapshot | None = None) -> bool:
        """Evaluate a condition of the definition over a snapshot (None: what the step sees), at the time of its claim.

        ``EvaluationFailed`` where it is neither true nor false.
        """
        variables = (snapshot or self.snapshot).variables() | {"now": self.claim.started_at}
        return self.definition.expressions[expression].evaluate(variables)


def step_input(step: Step, snapshot: Snapshot) -> StepInput:
    """Return the input that a step takes from a snapshot."""
    constants = step.action.constants if isinstance(step.action, Uses) else {}
    return StepInput(step, constants, snapshot)


def prepare(
    database: Database,
    connection: psycopg.Connection[Any],
    definitions: DefinitionCache,
    claims: Sequence[Claim],
) -> list[Prepared]:
    """Return each claim with its step and snapshot; the outputs that they need are read in one statement."""
    wanted = {
        (claim.run.id, name): None
        for claim in claims
        for name in _visible(definitions.get(claim.run.definition_hash), claim)
    }
    found: dict[UUID, list[StoredOutput]] = defaultdict(list)
    if wanted:
        for output in read_outputs(database, connection, list(wanted)):
            found[output.run_id].append(output)
    failures = _failures(database, connection, definitions, claims)
    return [
        _prepare(definitions.get(claim.run.definition_hash), claim, found[claim.run.id], failures[claim.run.id])
        for claim in claims
    ]


def prepare_readable(
    database: Database,
    connection: psycopg.Connection[Any],
    definitions: DefinitionCache,
    claims: Sequence[Claim],
) -> tuple[list[Prepared], list[Claim]]:
    """Return what ``prepare`` gives, and the claims that cannot be read here: none may hold up the others.

    The definition of such a claim is of a later release, or was damaged.
    """
    try:
        with database.errors():
            return prepare(database, connection, definitions, claims), []
    except DatabaseUnavailable:
        raise
    except Exception:
        if len(claims) == 1:
            log.exception("step %s of run %s cannot be read here", claims[0].step, claims[0].run.id)
            return [], list(claims)
    parts = [prepare_readable(database, connection, definitions, [claim]) for claim in claims]
    return [task for tasks, _ in parts for task in tasks], [claim for _, left in parts for claim in left]


def _failures(
    database: Database,
    connection: psycopg.Connection[Any],
    definitions: DefinitionCache,
    claims: Sequence[Claim],
) -> Mapping[UUID, list[StoredFailure]]:
    """Return the failures that the run row does not tell, by run: those of parallel branches, and of the past."""
    wanted = {
        (claim.run.id, name): None
        for claim in claims
        for name in _failing(definitions.get(claim.run.definition_hash), claim)
    }
    found: dict[UUID, list[StoredFailure]] = defaultdict(list)
    for failure in read_failures(database, connection, list(wanted)) if wanted else ():
        found[failure.run_id].append(failure)
    return found


def _failing(definition: Definition, claim: Claim) -> Iterable[str]:
    """Return the steps before a claimed one whose failures are to be read: none, as a rule."""
    before = definition.graph.ancestors(claim.step) if claim.kind is not StepRunKind.ON_FAILURE else ()
    if definition.graph.shape is Shape.DEPENDENCY:
        return [name for name in before if definition.workflow.steps[name].allow_failure]
    return before if claim.kind is StepRunKind.COMPENSATION else ()


def last_failure(failures: Sequence[StoredFailure], seq: int) -> Mapping[str, Any] | None:
    """Return the latest of failures, the first to end first, up to a completion sequence; None without one."""
    return next((item.failure for item in reversed(failures) if item.seq <= seq), None)


def _visible(definition: Definition, claim: Claim) -> Iterable[str]:
    match claim.kind:
        case StepRunKind.ON_FAILURE:
            return definition.workflow.steps
        case StepRunKind.COMPENSATION:
            return {*definition.graph.ancestors(claim.step), claim.step}
        case _:
            return definition.graph.ancestors(claim.step)


def _prepare(
    definition: Definition, claim: Claim, outputs: Sequence[StoredOutput], failures: Sequence[StoredFailure]
) -> Prepared:
    visible = set(_visible(definition, claim))
    seen = [item for item in outputs if item.step in visible and item.seq <= claim.scheduled_seq]
    snapshot = build_snapshot(definition, Snapshot.of_run(claim.run), seen)
    if claim.kind is StepRunKind.ON_FAILURE:
        step = definition.workflow.on_failure
        assert step is not None
        return Prepared(claim=claim, definition=definition, step=step, snapshot=snapshot)
    step = definition.workflow.steps[claim.step]
    before = [item for item in failures if item.step in definition.graph.ancestors(claim.step)]
    if claim.kind is StepRunKind.COMPENSATION:
        undo = _undo(definition, claim, seen, before)
        return Prepared(claim=claim, definition=definition, step=step, snapshot=snapshot, undo=undo)
    if definition.graph.shape is Shape.DEPENDENCY:
        snapshot = snapshot.with_failure(last_failure(before, claim.scheduled_seq))
    return Prepared(claim=claim, definition=definition, step=step, snapshot=snapshot)


def _undo(
    definition: Definition, claim: Claim, seen: Sequence[StoredOutput], failures: Sequence[StoredFailure]
) -> Undo:
    (own,) = (item for item in seen if item.step == claim.step)
    scheduled = own.scheduled_seq or 0
    before = [item for item in seen if item.seq <= scheduled]
    start = Snapshot.of_run(claim.run).with_failure(last_failure(failures, scheduled))
    return Undo(output=own.output, before=build_snapshot(definition, start, before))


def build_snapshot(definition: Definition, start: Snapshot, outputs: Sequence[StoredOutput]) -> Snapshot:
    """Return ``start`` with outputs merged in the order of their completion."""
    snapshot = start
    for item in sorted(outputs, key=lambda item: item.seq):
        snapshot = snapshot.with_output(definition.workflow.steps[item.step], item.output)
    return snapshot
