"""Live worker processes: one row each, beaten into.

Each beat says from when on the process is to count as ``silent`` unless it beats again: only the process itself
knows how often it means to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert

from squidmesh.store.tables import workers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import psycopg
    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database


def add_worker(
    database: Database,
    *,
    id_: str,
    host: str,
    pid: int,
    version: str,
    queues: Sequence[str],
    step_types: Sequence[str],
    silent_after: timedelta,
) -> None:
    """Write the row of a worker process that starts (or that comes back after its row was removed)."""
    now = database.clock()
    row = {
        "id": id_,
        "host": host,
        "pid": pid,
        "version": version,
        "queues": list(queues),
        "step_types": list(step_types),
        "started_at": now,
    }
    beat = {"beat_at": now, "silent_at": now + silent_after}
    with database.transaction() as connection:
        connection.execute(insert(workers).values(row | beat).on_conflict_do_update(index_elements=["id"], set_=beat))


_BEAT = """
UPDATE squidmesh.workers SET beat_at = squidmesh.now(), silent_at = squidmesh.now() + %(silent_after)s::interval
WHERE id = %(id)s
"""


def beat_if_known(database: Database, connection: psycopg.Connection[Any], id_: str, silent_after: timedelta) -> bool:
    """Say that a worker process lives, for ``silent_after`` at least; False if its row was removed."""
    return connection.execute(database.sql(_BEAT), {"id": id_, "silent_after": silent_after}).rowcount == 1


def remove_worker(database: Database, id_: str) -> None:
    """Remove the row of a worker process that ends."""
    with database.transaction() as connection:
        connection.execute(delete(workers).where(workers.c.id == id_))


def remove_silent(database: Database, for_: timedelta) -> None:
    """Remove the rows of worker processes that have been silent for a while."""
    with database.transaction() as connection:
        connection.execute(delete(workers).where(workers.c.silent_at < database.clock() - for_))


_WORKERS = """
SELECT w.*, squidmesh.now() AS now, coalesce(r.running, 0) AS running FROM squidmesh.workers w LEFT JOIN (
    SELECT s.worker, count(*) AS running FROM squidmesh.step_runs s WHERE s.status = 'running' GROUP BY s.worker) r
    ON r.worker = w.id
ORDER BY w.started_at, w.id
"""


def read_workers(database: Database, connection: Connection) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return every worker process that has a row, the time now, and how many claims stand in its name."""
    return connection.execute(text(database.sql(_WORKERS))).all()
