"""Paused step runs: how they come to be, what decides them, and which have passed their deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text, update

from squidmesh.model.state import StepStatus
from squidmesh.store.tables import step_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from uuid import UUID

    import psycopg
    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database

_NO_CLAIM: dict[str, Any] = {"claim_token": None, "lease_until": None}


def pause_if_claimed(
    database: Database,
    connection: Connection,
    id_: UUID,
    token: UUID,
    *,
    resume: Mapping[str, Any],
    deadline: timedelta | None = None,
    interrupted: bool = False,
    lost: bool = False,
    recovery: Mapping[str, Any] | None = None,
) -> None:
    """Move a step run from running to paused, with what a decision on it will mean.

    An interrupted one is due when its lease ends: until then its thread may still be at work, and another
    attempt must wait.
    """
    now = database.clock()
    values: dict[str, Any] = {"run_at": step_runs.c.lease_until} if interrupted else {}
    if recovery is not None:
        values["recovery"] = recovery
    connection.execute(
        update(step_runs)
        .where(step_runs.c.id == id_, step_runs.c.claim_token == token)
        .values(
            **_NO_CLAIM,
            **values,
            status=StepStatus.PAUSED,
            resume=resume,
            deadline_at=None if deadline is None else now + deadline,
            losses=step_runs.c.losses + int(lost),
        )
    )


def paused_steps(connection: Connection, run_id: UUID) -> Sequence[Row[Any]]:
    """Return the paused step runs of a run, the first paused first."""
    return connection.execute(
        select(step_runs)
        .where(step_runs.c.run_id == run_id, step_runs.c.status == StepStatus.PAUSED)
        .order_by(step_runs.c.created_at, step_runs.c.id)
    ).all()


def take_up_if_paused(
    database: Database, connection: Connection, id_: UUID, token: UUID, *, overdue: bool = False
) -> Row[Any] | None:
    """Move a step run from paused to running, for the length of the transaction that decides it.

    The decision then ends it as a worker's record would, by its token. Returns the row with the time (``at``);
    None if it is not paused (any more), or its deadline has not passed where it must be ``overdue``.
    """
    now = database.clock()
    statement = update(step_runs).where(step_runs.c.id == id_, step_runs.c.status == StepStatus.PAUSED)
    if overdue:
        statement = statement.where(step_runs.c.deadline_at <= now)
    taken = statement.values(status=StepStatus.RUNNING, claim_token=token, lease_until=now, deadline_at=None)
    return connection.execute(taken.returning(step_runs, now.label("at"))).one_or_none()


def retry_if_paused(database: Database, connection: Connection, id_: UUID) -> bool:
    """Move a step run from paused back to pending, as if it had not begun; False if it is not paused."""
    now = database.clock()
    retried = connection.execute(
        update(step_runs)
        .where(step_runs.c.id == id_, step_runs.c.status == StepStatus.PAUSED)
        .values(
            status=StepStatus.PENDING,
            run_at=func.greatest(step_runs.c.run_at, now),
            begun_at=None,
            resume=None,
            deadline_at=None,
        )
    )
    return retried.rowcount == 1


_OVERDUE = """
SELECT id, run_id FROM squidmesh.step_runs WHERE status = 'paused' AND deadline_at <= squidmesh.now()
ORDER BY deadline_at LIMIT %(limit)s
"""


def overdue_steps(database: Database, connection: psycopg.Connection[Any], limit: int) -> list[tuple[UUID, UUID]]:
    """Return (step run, run) of paused steps whose deadline has passed, the oldest first, without locking them."""
    return list(connection.execute(database.sql(_OVERDUE), {"limit": limit}))


_PAUSED = """
SELECT r.workflow, count(DISTINCT r.id) AS runs,
    min(coalesce(CAST(s.resume->>'paused_at' AS timestamptz), s.started_at, s.created_at)) AS since
FROM squidmesh.step_runs s JOIN squidmesh.runs r ON r.id = s.run_id
WHERE s.status = 'paused' AND r.status = 'paused' GROUP BY r.workflow
"""


def count_paused_runs(database: Database, connection: Connection) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return (workflow, runs, since) of every workflow that has paused runs, found by their paused steps."""
    return connection.execute(text(database.sql(_PAUSED))).all()
