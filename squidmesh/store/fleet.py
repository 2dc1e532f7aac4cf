"""The open runs as a whole, counted by where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from squidmesh.store.tables import workers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database

# Of each open run the one step run that explains it: what runs, else what is due, else what is due next, else
# what waits for a person; the order is that of explaining a single run.
_STANDING = """
SELECT o.id, o.workflow, o.phase, o.goal, o.last_error->>'code' AS code, b.step, b.status, b.attempted, b.due, b.pause,
    b.queue, b.step_type, b.held, w.since
FROM squidmesh.runs o LEFT JOIN LATERAL (
    SELECT s.step, s.status, s.attempt > 0 AS attempted, s.run_at <= squidmesh.now() AS due,
        s.resume->>'reason' AS pause, l.queue, l.step_type,
        CASE WHEN s.status = 'running' THEN s.started_at WHEN s.status = 'paused' THEN
            coalesce((s.resume->>'paused_at')::timestamptz, s.started_at, s.created_at)
            WHEN s.run_at <= squidmesh.now() THEN greatest(s.run_at, q.paused_at) ELSE s.created_at END AS since,
        q.paused_at IS NOT NULL AS held
    FROM squidmesh.step_runs s JOIN squidmesh.lanes l ON l.id = s.lane
    LEFT JOIN squidmesh.queues q ON q.name = l.queue
    WHERE s.run_id = o.id AND s.status IN ('running', 'pending', 'paused')
    ORDER BY CASE s.status WHEN 'running' THEN 0 WHEN 'paused' THEN 3
            ELSE CASE WHEN s.run_at <= squidmesh.now() THEN 1 ELSE 2 END END,
        CASE WHEN s.status = 'pending' AND s.run_at > squidmesh.now() THEN s.run_at END, s.created_at, s.id
    LIMIT 1) b ON true
CROSS JOIN LATERAL (SELECT CASE WHEN o.phase = 'forward' THEN coalesce(b.since, o.created_at)
    WHEN o.goal = 'cancelled' THEN coalesce((SELECT min(a.at) FROM squidmesh.audit_events a
        WHERE a.run_id = o.id AND a.type = 'cancelled'), o.created_at)
    WHEN o.phase = 'compensating' THEN coalesce(
        (SELECT min(r.created_at) FROM squidmesh.step_runs r WHERE r.run_id = o.id AND r.kind <> 0), o.started_at)
    ELSE coalesce((SELECT min(f.finished_at) FROM squidmesh.step_runs f
        WHERE f.run_id = o.id AND f.step = o.failure->>'step'), o.started_at, o.created_at) END AS since) w
WHERE o.finished_at IS NULL
"""
_GROUPS = f"""
SELECT workflow, phase, goal, code, step, status, attempted, due, pause, queue, step_type, held,
    count(*) AS runs, min(since) AS oldest, max(since) AS newest, (array_agg(id ORDER BY since, id))[1] AS example
FROM ({_STANDING} AND (CAST(:workflow AS text) IS NULL OR o.workflow = :workflow)) each_run
GROUP BY workflow, phase, goal, code, step, status, attempted, due, pause, queue, step_type, held
"""  # noqa: S608 - put together from constants
_OF_RUNS = f"{_STANDING} AND o.id = ANY(CAST(:run_ids AS uuid[]))"
_ENDED = """
SELECT id, status, failure, finished_at FROM squidmesh.runs
WHERE id = ANY(CAST(:run_ids AS uuid[])) AND finished_at IS NOT NULL
"""


def count_open_runs(
    database: Database, connection: Connection, workflow: str | None
) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return the open runs (of one workflow, if named) in groups of equal standing, with counts and times."""
    return connection.execute(text(database.sql(_GROUPS)), {"workflow": workflow}).all()


def read_open_runs(
    database: Database, connection: Connection, run_ids: Sequence[UUID]
) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return where those of the runs stand that are open."""
    return connection.execute(text(database.sql(_OF_RUNS)), {"run_ids": list(run_ids)}).all()


def read_ended_runs(
    database: Database, connection: Connection, run_ids: Sequence[UUID]
) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return (id, status, failure, finished_at) of those of the runs that have ended."""
    return connection.execute(text(database.sql(_ENDED)), {"run_ids": list(run_ids)}).all()


def abilities(database: Database, connection: Connection) -> Sequence[Row[Any, Any]]:
    """Return (queues, step_types) of every live worker process."""
    return connection.execute(
        select(workers.c.queues, workers.c.step_types).where(workers.c.silent_at > database.clock())
    ).all()
