"""What the steps of a run did, and which run may undo it.

A replay carries ended steps over: several runs then know of one effect, named by the step run that had it
(``origin_id``). It is undone once at most, by the one run that may: the last that stopped, if none of the others
completed, since what a completed run did stands, and none is open, since it builds on it. No replay can take over
what an open one could undo, and a unique index lets one compensation of an effect live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from squidmesh.model.identity import new_id
from squidmesh.model.state import StepRunKind, StepStatus
from squidmesh.store.tables import step_runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database
    from squidmesh.store.step_runs import Recovery


def ended_steps(connection: Connection, run_id: UUID) -> Sequence[Row[str, str, int, Any]]:
    """Return (step, status, completed_seq, finished_at) of the steps of a run that have ended."""
    return connection.execute(
        select(step_runs.c.step, step_runs.c.status, step_runs.c.completed_seq, step_runs.c.finished_at).where(
            step_runs.c.run_id == run_id,
            step_runs.c.kind == StepRunKind.STEP,
            step_runs.c.finished_at.is_not(None),
        )
    ).all()


_INTERRUPTED = """
SELECT s.step FROM squidmesh.step_runs s WHERE s.run_id = CAST(:run AS uuid) AND s.kind = 0 AND s.begun_at IS NOT NULL
    AND (s.status = 'cancelled' OR s.status = 'failed' AND EXISTS (
        SELECT 1 FROM squidmesh.attempts a WHERE a.step_run_id = s.id AND a.number = s.attempt
        AND a.error->>'code' IN ('worker_lost', 'step_timed_out')))
"""


def interrupted_steps(database: Database, connection: Connection, run_id: UUID) -> set[str]:
    """Return the steps of a run whose call was begun and cut short, so that nobody knows what it did."""
    return set(connection.execute(text(database.sql(_INTERRUPTED)), {"run": run_id}).scalars())


_UNDONE = """
SELECT s.step FROM squidmesh.step_runs s WHERE s.run_id = CAST(:run AS uuid) AND s.kind = 0 AND EXISTS (
    SELECT 1 FROM squidmesh.step_runs c
    WHERE c.origin_id = coalesce(s.origin_id, s.id) AND c.kind = 1
        AND (c.attempt > 0 OR c.begun_at IS NOT NULL))
"""


def undone_steps(database: Database, connection: Connection, run_id: UUID) -> set[str]:
    """Return the steps of a run whose compensation was begun, in it or in another run that knows of their effect."""
    return set(connection.execute(text(database.sql(_UNDONE)), {"run": run_id}).scalars())


_OTHERS = """
SELECT s.step, r.id, r.status FROM squidmesh.step_runs s
JOIN squidmesh.step_runs o ON o.id = s.origin_id OR o.origin_id = s.origin_id
JOIN squidmesh.runs r ON r.id = o.run_id
WHERE s.run_id = CAST(:run AS uuid) AND s.kind = 0 AND s.origin_id IS NOT NULL AND o.kind = 0 AND o.run_id <> s.run_id
    AND (r.finished_at IS NULL OR r.status = 'completed')
"""


def steps_of_others(database: Database, connection: Connection, run_id: UUID) -> set[str]:
    """Return the carried steps of a run whose effects another run stands or builds on: completed, or open."""
    return set(connection.execute(text(database.sql(_OTHERS)), {"run": run_id}).scalars())


_CARRIERS = """
SELECT s.step, r.id FROM squidmesh.step_runs s
JOIN squidmesh.step_runs o ON o.origin_id = coalesce(s.origin_id, s.id)
JOIN squidmesh.runs r ON r.id = o.run_id
WHERE s.run_id = CAST(:run AS uuid) AND s.kind = 0 AND o.kind = 0 AND o.run_id <> s.run_id AND r.finished_at IS NULL
ORDER BY r.id DESC
"""


def open_carriers(database: Database, connection: Connection, run_id: UUID) -> dict[str, UUID]:
    """Return, for each step of a run that an open run has carried over, that run (the first, of several)."""
    return {row.step: row.id for row in connection.execute(text(database.sql(_CARRIERS)), {"run": run_id})}


_FAMILY = """
WITH RECURSIVE line AS (
    SELECT id, replayed_from FROM squidmesh.runs WHERE id = CAST(:run AS uuid)
    UNION ALL SELECT r.id, r.replayed_from FROM line JOIN squidmesh.runs r ON r.id = line.replayed_from)
SELECT pg_advisory_xact_lock(hashtextextended(coalesce(replayed_from, id)::text, 0))
FROM line WHERE replayed_from IS NULL OR replayed_from NOT IN (SELECT id FROM line)
"""


def lock_family(database: Database, connection: Connection, run_id: UUID) -> None:
    """Let no other replay begin of this run, of those it replays, or of their other replays, until the commit."""
    connection.execute(text(database.sql(_FAMILY)), {"run": run_id})


def add_compensations(database: Database, connection: Connection, run_id: UUID, recoveries: Sequence[Recovery]) -> int:
    """Insert waiting compensations, and return how many: none of what another run has begun to undo."""
    now = database.clock()
    rows = [
        {
            "id": new_id(),
            "run_id": run_id,
            "step": recovery.step,
            "kind": recovery.kind,
            "status": StepStatus.WAITING,
            "lane": recovery.lane,
            "attempt": 0,
            "losses": 0,
            "open_deps": 1,
            "live_deps": 0,
            "scheduled_seq": recovery.seq,
            "created_at": now,
            "origin_id": select(func.coalesce(step_runs.c.origin_id, step_runs.c.id))
            .where(
                step_runs.c.run_id == run_id,
                step_runs.c.step == recovery.step,
                step_runs.c.kind == StepRunKind.STEP,
            )
            .scalar_subquery(),
        }
        for recovery in recoveries
    ]
    added = insert(step_runs).values(rows).on_conflict_do_nothing().returning(step_runs.c.id)
    return len(connection.execute(added).all())
