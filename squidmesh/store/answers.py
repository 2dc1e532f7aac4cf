"""What stands of records whose answer never came: the connection broke between the COMMIT and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import namedtuple_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    import psycopg

    from squidmesh.store.engine import Database

# An attempt is written once, under its number and the name of the worker that made it. What ends without an attempt
# (a skip, a pause) leaves the claim's number and worker in the row.
_WRITTEN = """
SELECT s.id, s.status, coalesce(s.completed_seq, 0) AS seq, a.number IS NOT NULL AS attempted, a.error,
    coalesce(a.finished_at, s.finished_at, squidmesh.now()) AS at, r.status AS run_status,
    r.finished_at IS NOT NULL AND s.completed_seq = r.seq AS ended_run
FROM unnest(%(ids)s::uuid[], %(numbers)s::int[]) i(id, number)
JOIN squidmesh.step_runs s ON s.id = i.id JOIN squidmesh.runs r ON r.id = s.run_id
LEFT JOIN squidmesh.attempts a ON a.step_run_id = i.id AND a.number = i.number AND a.worker = %(worker)s
WHERE a.number IS NOT NULL OR (s.worker = %(worker)s AND s.attempt = i.number AND s.status IN ('skipped', 'paused'))
"""


def written_ends(
    database: Database, connection: psycopg.Connection[Any], ends: Sequence[tuple[UUID, int]], worker: str
) -> Sequence[Any]:
    """Return what a worker wrote of the ends of (step run, attempt); those of which nothing stands are missing.

    ``ended_run`` says that its run ended with it.
    """
    arguments = {"ids": [id_ for id_, _ in ends], "numbers": [number for _, number in ends], "worker": worker}
    cursor = connection.cursor(row_factory=namedtuple_row)
    return cursor.execute(database.sql(_WRITTEN), arguments).fetchall()


_TAKE_UP = """
UPDATE squidmesh.step_runs SET lease_until = squidmesh.now() + %(lease)s::interval
WHERE status = 'running' AND worker = %(worker)s AND claim_token = ANY(%(tokens)s::uuid[]) RETURNING claim_token, id
"""


def take_up_if_claimed(
    database: Database, connection: psycopg.Connection[Any], tokens: Sequence[UUID], worker: str, lease: timedelta
) -> dict[UUID, UUID]:
    """Extend the leases of the step runs that stand claimed under tokens of ours; return their ids by token."""
    arguments = {"tokens": list(tokens), "worker": worker, "lease": lease}
    return dict(connection.execute(database.sql(_TAKE_UP), arguments).fetchall())
