"""Moving a run that no longer goes forward on: to its compensations, its ``on_failure`` step, its end.

Whoever stops a run (a failure, a cancel, a run's timeout) or ends a step of a stopping one calls this under
the run's lock, in statements of their own after those that changed the step rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import ON_FAILURE_NAME, Uses
from squidmesh.model.state import Goal, Phase, RunStatus, StepRunKind, StepStatus
from squidmesh.store import effects, runs, step_runs
from squidmesh.store.step_runs import Recovery

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.definitions import Definition
    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEffect:
    """A step that completed, or of which nobody knows whether it did (``unknown``), and when in its run (``seq``).

    ``others`` says that its effect is not this run's to undo.
    """

    step: str
    seq: float
    unknown: bool = False
    others: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What stopping a run undoes: ``steps``, the last completed first, until the step ``stopped_at``.

    ``stopped_at`` is irreversible (None: no such step is among them), and ``unknown`` says that nobody knows whether
    it completed; ``kept`` completed before it, could be undone, and is not.
    """

    steps: tuple[tuple[str, int], ...]
    stopped_at: str | None = None
    unknown: bool = False
    kept: tuple[str, ...] = ()


def past_effects(rows: Iterable[Any], interrupted: Collection[str], others: Collection[str] = ()) -> list[PastEffect]:
    """Return the effects of ended steps (step, status, completed_seq, finished_at), the last first.

    A step that was cut short counts where it was given up: all that had completed by then came before it.
    """
    ended = list(rows)
    completed = [row for row in ended if row.status == StepStatus.COMPLETED]
    found = [PastEffect(step=row.step, seq=row.completed_seq, others=row.step in others) for row in completed]
    for row in ended:
        if row.status != StepStatus.COMPLETED and row.step in interrupted:
            before = [other.completed_seq for other in completed if other.finished_at <= row.finished_at]
            seq = row.completed_seq if row.completed_seq is not None else max(before, default=0) + 0.5
            found.append(PastEffect(step=row.step, seq=seq, unknown=True))
    return sorted(found, key=lambda effect: effect.seq, reverse=True)


def plan_undoing(workflow: Workflow, past: Iterable[PastEffect]) -> Undoing:
    """Return what is to be undone of past effects, given the last first.

    It stops at an irreversible step that completed, or may have: what stands on that one must stay, since half a
    rollback is none.
    """
    undone: list[tuple[str, int]] = []
    kept: list[str] = []
    stop: PastEffect | None = None
    for effect in past:
        action = workflow.steps[effect.step].action
        if not isinstance(action, Uses):
            continue
        if action.irreversible:
            stop = stop or effect
        elif action.compensate and not effect.unknown and not effect.others:
            if stop is None:
                undone.append((effect.step, int(effect.seq)))
            else:
                kept.append(effect.step)
    return Undoing(
        steps=tuple(undone),
        stopped_at=stop.step if stop is not None else None,
        unknown=stop is not None and stop.unknown,
        kept=tuple(kept),
    )


def proceed(database: Database, connection: Connection, definition: Definition, run_id: UUID) -> RunStatus:
    """Move a locked run that is stopping or compensating on, if nothing of it is under way; return its status."""
    run = runs.read_locked(connection, run_id)
    if step_runs.count_busy(connection, run_id):
        return _wait(connection, run)
    if run.phase == Phase.STOPPING:
        compensations = _compensations(database, connection, definition, run)
        if compensations and effects.add_compensations(database, connection, run_id, compensations):
            return _recover(database, connection, run)
    elif step_runs.release_next_recovery(database, connection, run_id):
        return _wait(connection, run)
    return _finish(database, connection, definition, run)


def _wait(connection: Connection, run: Row[Any]) -> RunStatus:
    runs.set_open_steps(connection, run.id, step_runs.count_open(connection, run.id))
    return RunStatus(run.status)


def _compensations(database: Database, connection: Connection, definition: Definition, run: Row[Any]) -> list[Recovery]:
    """Return what is to be undone: of a failing run always, of a cancelled one if that was asked for."""
    if run.goal != Goal.FAILED and not run.compensate:
        return []
    # A compensation that a cancel has ended before stays ended.
    begun = step_runs.steps_of_kind(connection, run.id, StepRunKind.COMPENSATION)
    past = past_effects(
        effects.ended_steps(connection, run.id),
        effects.interrupted_steps(database, connection, run.id),
        effects.steps_of_others(database, connection, run.id) if run.replayed_from is not None else (),
    )
    return [
        Recovery(step=name, kind=StepRunKind.COMPENSATION, lane=definition.compensation_lane_of(name), seq=seq)
        for name, seq in plan_undoing(definition.workflow, past).steps
        if name not in begun
    ]


def _recover(database: Database, connection: Connection, run: Row[Any]) -> RunStatus:
    runs.set_compensating_if_stopping(connection, run.id)
    step_runs.release_next_recovery(database, connection, run.id)
    return _wait(connection, run)


def _finish(database: Database, connection: Connection, definition: Definition, run: Row[Any]) -> RunStatus:
    """End the run; a failing one runs its ``on_failure`` step first, if it has not yet."""
    wanted = definition.workflow.on_failure is not None and run.goal == Goal.FAILED
    if not wanted or step_runs.steps_of_kind(connection, run.id, StepRunKind.ON_FAILURE):
        return runs.finish_if_stopped(database, connection, run.id)
    handler = Recovery(
        step=ON_FAILURE_NAME,
        kind=StepRunKind.ON_FAILURE,
        lane=definition.on_failure_lane(),
        seq=runs.next_sequence(connection, run.id),
    )
    runs.set_compensating_if_stopping(connection, run.id)
    step_runs.add_handler(database, connection, run.id, handler)
    return _wait(connection, run)
