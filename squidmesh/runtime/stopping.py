"""Moving a run that no longer goes forward on: to its compensations, its ``on_failure`` step, its end.

Whoever stops a run (a failure, a cancel, a run's timeout) or ends a step of a stopping one calls this under
the run's lock, in statements of their own after those that changed the step rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import ON_FAILURE_NAME, Uses
from squidmesh.model.state import Goal, Phase, RunStatus, StepRunKind
from squidmesh.store import runs, step_runs
from squidmesh.store.step_runs import Recovery

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.definitions import Definition
    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What stopping a run undoes: ``steps``, the last completed first, until the step ``stopped_at``.

    ``stopped_at`` is irreversible (None: no completed step is); ``kept`` completed before it, could be undone,
    and is not.
    """

    steps: tuple[tuple[str, int], ...]
    stopped_at: str | None = None
    kept: tuple[str, ...] = ()


def plan_undoing(workflow: Workflow, completed: Iterable[tuple[str, int]]) -> Undoing:
    """Return what is to be undone of (step, completion sequence), given the last completed first.

    It stops at a completed irreversible step: what stands on that one must stay, since half a rollback is none.
    """
    undone: list[tuple[str, int]] = []
    kept: list[str] = []
    stopped_at: str | None = None
    for name, seq in completed:
        action = workflow.steps[name].action
        if not isinstance(action, Uses):
            continue
        if action.irreversible and stopped_at is None:
            stopped_at = name
        elif action.compensate and stopped_at is None:
            undone.append((name, seq))
        elif action.compensate:
            kept.append(name)
    return Undoing(steps=tuple(undone), stopped_at=stopped_at, kept=tuple(kept))


def proceed(database: Database, connection: Connection, definition: Definition, run_id: UUID) -> RunStatus:
    """Move a locked run that is stopping or compensating on, if nothing of it is under way; return its status."""
    run = runs.read_locked(connection, run_id)
    if step_runs.count_busy(connection, run_id):
        return _wait(connection, run)
    if run.phase == Phase.STOPPING:
        compensations = _compensations(connection, definition, run)
        if compensations:
            return _recover(database, connection, run, compensations)
    elif step_runs.release_next_recovery(database, connection, run_id):
        return _wait(connection, run)
    return _finish(database, connection, definition, run)


def _wait(connection: Connection, run: Row[Any]) -> RunStatus:
    runs.set_open_steps(connection, run.id, step_runs.count_open(connection, run.id))
    return RunStatus(run.status)


def _compensations(connection: Connection, definition: Definition, run: Row[Any]) -> list[Recovery]:
    """Return what is to be undone: of a failing run always, of a cancelled one if that was asked for."""
    if run.goal != Goal.FAILED and not run.compensate:
        return []
    completed = [(row.step, row.completed_seq) for row in step_runs.completed_steps(connection, run.id)]
    # A compensation that a cancel has ended before stays ended.
    begun = step_runs.steps_of_kind(connection, run.id, StepRunKind.COMPENSATION)
    return [
        Recovery(step=name, kind=StepRunKind.COMPENSATION, lane=definition.compensation_lane_of(name), seq=seq)
        for name, seq in plan_undoing(definition.workflow, completed).steps
        if name not in begun
    ]


def _finish(database: Database, connection: Connection, definition: Definition, run: Row[Any]) -> RunStatus:
    """End the run; a failing one runs its ``on_failure`` step first, if it has not yet."""
    wanted = definition.workflow.on_failure is not None and run.goal == Goal.FAILED
    if wanted and not step_runs.steps_of_kind(connection, run.id, StepRunKind.ON_FAILURE):
        handler = Recovery(
            step=ON_FAILURE_NAME,
            kind=StepRunKind.ON_FAILURE,
            lane=definition.on_failure_lane(),
            seq=runs.next_sequence(connection, run.id),
        )
        return _recover(database, connection, run, [handler])
    return runs.finish_if_stopped(database, connection, run.id)


def _recover(database: Database, connection: Connection, run: Row[Any], recoveries: list[Recovery]) -> RunStatus:
    runs.set_compensating_if_stopping(connection, run.id)
    step_runs.add_recoveries(database, connection, run.id, recoveries)
    runs.set_open_steps(connection, run.id, len(recoveries))
    return RunStatus(run.status)
