"""A connection that one loop of a worker owns: opened when needed, dropped when it fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from squidmesh.errors import DatabaseUnavailable, StatementRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.store.engine import Database


class Dedicated:
    """Holds at most one open connection; not to be shared between threads."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def use(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection; an error leaves it rolled back (``StatementRefused``) or dropped (all others)."""
        if self._connection is None or self._connection.closed:
            self._connection = self.database.dedicate()
        connection = self._connection
        try:
            with self.database.errors():
                yield connection
        except StatementRefused:
            self._roll_back(connection)
            raise
        except DatabaseUnavailable:
            self.close()
            raise

    def _roll_back(self, connection: psycopg.Connection[Any]) -> None:
        try:
            connection.rollback()
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
