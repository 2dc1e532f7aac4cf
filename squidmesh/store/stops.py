"""Stopping runs from outside: what a cancel and a run's timeout do to rows, under the lock of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select, text, update

from squidmesh.model.state import Goal, Phase, RunStatus, StepRunKind, StepStatus
from squidmesh.store.arguments import integers, uuids
from squidmesh.store.statement import hot
from squidmesh.store.tables import runs, step_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import psycopg
    from sqlalchemy import Connection

    from squidmesh.store.engine import Database

_UNCLAIMED = (StepStatus.WAITING, StepStatus.PENDING, StepStatus.PAUSED)


def definition_of(connection: Connection, run_id: UUID) -> str | None:
    """Return the definition hash of a run, None if there is no such run; it never changes."""
    return connection.execute(select(runs.c.definition_hash).where(runs.c.id == run_id)).scalar_one_or_none()


def set_cancelling_if_open(connection: Connection, run_id: UUID, *, compensate: bool) -> None:
    """Give a run that has not ended the goal cancelled; what it was undoing goes on only with ``compensate``."""
    kept = case((runs.c.phase == Phase.COMPENSATING, Phase.COMPENSATING.value), else_=Phase.STOPPING.value)
    connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.finished_at.is_(None))
        .values(
            status=RunStatus.CANCELLING,
            goal=Goal.CANCELLED,
            compensate=compensate,
            phase=kept if compensate else Phase.STOPPING,
        )
    )


def set_timed_out_if_overdue(
    database: Database, connection: Connection, run_id: UUID, failure: Mapping[str, Any]
) -> bool:
    """Move a run from forward to stopping if its deadline has passed; False if not. It keeps its current step."""
    moved = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.phase == Phase.FORWARD, runs.c.deadline_at <= database.clock())
        .where(runs.c.finished_at.is_(None))
        .values(
            status=RunStatus.RUNNING,
            phase=Phase.STOPPING,
            goal=Goal.FAILED,
            failure=failure,
            last_error=failure,
            started_at=func.coalesce(runs.c.started_at, database.clock()),
        )
    )
    return moved.rowcount == 1


def cancel_unclaimed(
    database: Database, connection: Connection, run_id: UUID, *, but_compensations: bool = False
) -> None:
    """Cancel the step runs that nobody is executing, and with ``but_compensations`` leave what undoes others."""
    wanted = [step_runs.c.run_id == run_id, step_runs.c.status.in_(_UNCLAIMED)]
    if but_compensations:
        wanted.append(step_runs.c.kind != StepRunKind.COMPENSATION)
    connection.execute(
        update(step_runs).where(*wanted).values(status=StepStatus.CANCELLED, finished_at=database.clock())
    )


_TAKE = """
WITH taken AS (
    UPDATE squidmesh.step_runs SET status = 'cancelled', claim_token = NULL, lease_until = NULL,
        finished_at = squidmesh.now()
    WHERE run_id = :run_id AND status = 'running' RETURNING id, attempt, worker, started_at)
INSERT INTO squidmesh.attempts (step_run_id, number, status, error, worker, started_at, finished_at)
SELECT id, attempt, 'failed', CAST(:error AS json), worker, started_at, squidmesh.now() FROM taken
"""


def take_claims(database: Database, connection: Connection, run_id: UUID, error: str) -> None:
    """Cancel the step runs that are being executed, so that late results are refused; ``error`` is JSON text."""
    connection.execute(text(database.sql(_TAKE)), {"run_id": run_id, "error": error})


def count_running(connection: Connection, run_id: UUID) -> int:
    """Return how many step runs of a run are being executed."""
    return connection.execute(
        select(func.count()).where(step_runs.c.run_id == run_id, step_runs.c.status == StepStatus.RUNNING)
    ).scalar_one()


_OVERDUE = """
SELECT id, definition_hash FROM squidmesh.runs
WHERE deadline_at <= squidmesh.now() AND finished_at IS NULL AND phase = 'forward' LIMIT %(limit)s
"""


def overdue_runs(database: Database, connection: psycopg.Connection[Any], limit: int) -> Sequence[tuple[UUID, str]]:
    """Return (id, definition hash) of runs whose deadline has passed while they go forward, nothing locked."""
    return connection.execute(database.sql(_OVERDUE), {"limit": limit}).fetchall()


# Of a run that is being undone only its own steps are to stop, not the compensations.
_TOLD = """
SELECT c.id FROM unnest(%(ids)s::uuid[], %(runs)s::uuid[], %(kinds)s::int[]) c(id, run_id, kind)
JOIN squidmesh.runs r ON r.id = c.run_id
WHERE (r.goal = 'cancelled' OR r.failure->>'code' = 'run_timed_out' AND r.phase <> 'forward')
    AND (c.kind = 0 OR r.phase = 'stopping')
"""


def told_to_stop(
    database: Database, connection: psycopg.Connection[Any], held: Sequence[tuple[UUID, UUID, int]]
) -> set[UUID]:
    """Return the ids of those (step run, run, kind) whose run was cancelled or timed out."""
    arguments = {
        "ids": uuids([id_ for id_, _, _ in held]),
        "runs": uuids([run for _, run, _ in held]),
        "kinds": integers([kind for _, _, kind in held]),
    }
    return {id_ for (id_,) in hot(_TOLD).execute(database, connection, arguments)}
