"""huey's Postgres storage on our pool and in our schema: where a host's own tasks wait, and their results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from huey.storage import PostgresStorage

from squidmesh.runtime.host_tasks import cursor_on, enqueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from squidmesh.store.engine import Database

_TABLES = ("task", "schedule", "kv", "counter")


class HostStorage(PostgresStorage):  # type: ignore[misc]  # huey ships no type information
    """Does over the pool what the stock storage does over one connection under a lock; made before a fork, it holds.

    ``database`` is asked for when it is first needed, ``announce`` is told after each task in how long it is due, and
    ``is_utc`` tells whether huey's times, which have no zone, are in UTC.
    """

    def __init__(
        self,
        name: str,
        *,
        schema: str,
        database: Callable[[], Database],
        announce: Callable[[timedelta], None],
        is_utc: Callable[[], bool],
    ) -> None:
        super().__init__(name, create_tables=False, blocking=False)
        for table in _TABLES:
            setattr(self, f"table_{table}", f'"{schema}".huey_{table}')
        self._database = database
        self._announce = announce
        self._is_utc = is_utc

    @property
    def database(self) -> Database:
        """The database that holds the tables."""
        return self._database()

    def db(self, commit: bool = False, close: bool = False) -> AbstractContextManager[Any]:  # noqa: ARG002 - huey's signature
        """Give a cursor on which each statement commits or, with ``commit``, all of them together."""
        return cursor_on(self.database, whole=commit)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Add a task; workers are told after the commit, since within it a NOTIFY would hold up every other."""
        enqueue(self.database, self.name, data, priority or 0.0)
        self._announce(timedelta())

    def dequeue(self) -> bytes | None:
        """Take a task without waiting for one; workers do so by ``HostHuey.take``."""
        data: bytes | None = self._dequeue()
        return data

    def add_to_schedule(self, data: bytes, ts: datetime) -> None:
        """Keep a task until a time, which the server's clock is to reach."""
        at = self._with_zone(ts)
        super().add_to_schedule(data, at)
        self._announce(at.astimezone(UTC) - datetime.now(UTC))

    def read_schedule(self, ts: datetime) -> list[bytes]:
        """Take the tasks whose time has come."""
        data: list[bytes] = super().read_schedule(self._with_zone(ts))
        return data

    def _with_zone(self, time: datetime) -> datetime:
        """Return the moment that a time means wherever it is read: without a zone it is the reader's own."""
        return time.replace(tzinfo=UTC) if self._is_utc() and time.tzinfo is None else time
