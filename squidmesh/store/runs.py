"""Run rows: the lock that every slow path begins with, and the moves made under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select, text, update

from squidmesh.model.state import Goal, Phase, RunStatus
from squidmesh.store.tables import runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database


def lock_run(connection: Connection, run_id: UUID) -> Row[Any] | None:
    """Lock a run against every other move and return it, None if there is no such run.

    Nothing else of the run may be looked at in this statement: it would show the time before the wait.
    """
    # A slow path that hangs must not hold up its run for ever.
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '5s'"))
    return connection.execute(select(runs).where(runs.c.id == run_id).with_for_update(key_share=True)).one_or_none()


def read_locked(connection: Connection, run_id: UUID) -> Row[Any]:
    """Return a run that this transaction has locked, as it is after its own changes."""
    return connection.execute(select(runs).where(runs.c.id == run_id)).one()


def set_stopping_if_forward(
    database: Database,
    connection: Connection,
    run_id: UUID,
    *,
    goal: Goal,
    failure: Mapping[str, Any] | None,
    step: str | None,
) -> None:
    """Move a run from forward to stopping; a failed run keeps the step and the failure that stopped it."""
    status = RunStatus.CANCELLING if goal is Goal.CANCELLED else RunStatus.RUNNING
    values: dict[str, Any] = {"phase": Phase.STOPPING, "goal": goal, "status": status}
    if failure is not None:
        # A claim that met the run locked has left the start to be noted by the record.
        started_at = func.coalesce(runs.c.started_at, database.clock())
        values |= {"failure": failure, "last_error": failure, "current_step": step, "started_at": started_at}
    connection.execute(update(runs).where(runs.c.id == run_id, runs.c.phase == Phase.FORWARD).values(values))


def set_compensating_if_stopping(connection: Connection, run_id: UUID) -> None:
    """Move a run from stopping to compensating."""
    connection.execute(
        update(runs).where(runs.c.id == run_id, runs.c.phase == Phase.STOPPING).values(phase=Phase.COMPENSATING)
    )


def set_open_steps(connection: Connection, run_id: UUID, count: int) -> None:
    """Keep the number of unfinished steps of a run that no longer goes forward."""
    connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.phase != Phase.FORWARD)
        .values(active=count, retrying=0, paused=0)
    )


def finish_if_stopped(database: Database, connection: Connection, run_id: UUID) -> RunStatus:
    """Give a run whose last step has ended its goal as status, and return it."""
    ended = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.phase != Phase.FORWARD)
        .values(
            status=runs.c.goal,
            active=0,
            retrying=0,
            paused=0,
            finished_at=database.clock(),
            current_step=case((runs.c.goal == Goal.FAILED, runs.c.current_step), else_=None),
        )
        .returning(runs.c.status)
    ).scalar_one()
    return RunStatus(ended)


def shift_counters(
    database: Database,
    connection: Connection,
    run_id: UUID,
    *,
    active: int = 0,
    retrying: int = 0,
    paused: int = 0,
) -> RunStatus:
    """Move open steps of a locked run that goes forward between its counters; return what it shows now."""
    counts = {
        "active": runs.c.active + active,
        "retrying": runs.c.retrying + retrying,
        "paused": runs.c.paused + paused,
    }
    shown = case(
        (counts["active"] > 0, RunStatus.RUNNING), (counts["retrying"] > 0, RunStatus.RETRYING), else_=RunStatus.PAUSED
    )
    status = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.phase == Phase.FORWARD)
        .values(**counts, status=shown, started_at=func.coalesce(runs.c.started_at, database.clock()))
        .returning(runs.c.status)
    ).scalar_one()
    return RunStatus(status)


def set_last_error(connection: Connection, run_id: UUID, error: Mapping[str, Any] | None) -> None:
    """Keep the error of a locked run's latest attempt, None once that is settled."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(last_error=error))


def find_run(connection: Connection, run_id: UUID) -> Row[Any] | None:
    """Return a run as it is, without a lock."""
    return connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()


def next_sequence(connection: Connection, run_id: UUID) -> int:
    """Advance the completion sequence of a locked run and return it."""
    sequence: int = connection.execute(
        update(runs).where(runs.c.id == run_id).values(seq=runs.c.seq + 1).returning(runs.c.seq)
    ).scalar_one()
    return sequence
