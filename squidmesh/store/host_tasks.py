"""The tables of huey's own Postgres storage, in our schema: they hold a host's own tasks until a worker takes them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import tuple_row

from squidmesh.store.autocommit import autocommitting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import psycopg

    from squidmesh.store.engine import Database

_TAKE = """
WITH taken AS (
    DELETE FROM squidmesh.huey_task WHERE id = (
        SELECT id FROM squidmesh.huey_task WHERE queue = %(queue)s
        ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING data)
SELECT (SELECT data FROM taken), statement_timestamp() AT TIME ZONE 'UTC',
    (SELECT min(timestamp) FROM squidmesh.huey_schedule WHERE queue = %(queue)s)
        - extract(epoch FROM statement_timestamp())::double precision
"""
_TAKE_SCHEDULED = """
DELETE FROM squidmesh.huey_schedule WHERE id IN (
    SELECT id FROM squidmesh.huey_schedule
    WHERE queue = %s AND timestamp <= extract(epoch FROM statement_timestamp())::double precision
    ORDER BY timestamp, id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING timestamp, id, data
"""
_ENQUEUE = "INSERT INTO squidmesh.huey_task (queue, data, priority) VALUES (%s, %s, %s)"
_ENQUEUE_TICK = """
WITH tick AS (
    INSERT INTO squidmesh.huey_counter AS mark (queue, key, value) VALUES (%(queue)s, %(mark)s, %(minute)s)
    ON CONFLICT (queue, key) DO UPDATE SET value = excluded.value WHERE mark.value < excluded.value
    RETURNING 1)
INSERT INTO squidmesh.huey_task (queue, data, priority) SELECT %(queue)s, %(data)s, %(priority)s FROM tick
"""
_READ_MINUTE = "SELECT extract(epoch FROM statement_timestamp())::double precision"
_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A row that was taken (None: there was none), the time in UTC, and in how many seconds the next schedule is due.

    ``scheduled_in`` is None where nothing is scheduled.
    """

    row: bytes | None
    at: datetime
    scheduled_in: float | None


@contextmanager
def cursor_on(database: Database, *, whole: bool = False) -> Iterator[psycopg.Cursor[Any]]:
    """Give a cursor of the pool on which each statement commits or, ``whole``, all of them together."""
    with autocommitting(database) as connection:
        if whole:
            with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
                yield cursor
        else:
            with connection.cursor(row_factory=tuple_row) as cursor:
                yield cursor


def take_task(database: Database, connection: psycopg.Connection[Any], queue: str) -> Taken:
    """Delete and return the first row of a queue, the largest priority first."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(database.sql(_TAKE), {"queue": queue}).fetchone()
    assert found is not None, "it selects one row"
    row, at, scheduled_in = found
    return Taken(row=row, at=at, scheduled_in=scheduled_in)


def move_due(database: Database, queue: str, limit: int, prepare: Callable[[bytes], tuple[bytes, float] | None]) -> int:
    """Move up to ``limit`` rows that have come due from the schedule to the queue; return how many were found.

    ``prepare`` turns each into what is enqueued, and its priority; one for which it returns None is dropped.
    """
    with cursor_on(database, whole=True) as cursor:
        found = sorted(cursor.execute(database.sql(_TAKE_SCHEDULED), [queue, limit]).fetchall())
        for _, _, data in found:
            prepared = prepare(data)
            if prepared is not None:
                cursor.execute(database.sql(_ENQUEUE), [queue, *prepared])
    return len(found)


def enqueue(database: Database, queue: str, data: bytes, priority: float) -> None:
    """Add a row to a queue."""
    with cursor_on(database) as cursor:
        cursor.execute(database.sql(_ENQUEUE), [queue, data, priority])


def enqueue_tick(database: Database, queue: str, mark: str, minute: int, data: bytes, priority: float) -> bool:
    """Add a row to a queue unless this was done under ``mark`` for this minute, or a later one; tell whether it was."""
    values = {"queue": queue, "mark": mark, "minute": minute, "data": data, "priority": priority}
    with cursor_on(database) as cursor:
        return cursor.execute(database.sql(_ENQUEUE_TICK), values).rowcount == 1


def read_minute(database: Database) -> tuple[int, float]:
    """Return the minute that it is by the server's clock, since 1970, and the seconds until the next."""
    with cursor_on(database) as cursor:
        found = cursor.execute(_READ_MINUTE).fetchone()
    assert found is not None, "it selects one row"
    minute = int(found[0] // _MINUTE)
    return minute, (minute + 1) * _MINUTE - found[0]
