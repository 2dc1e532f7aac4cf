"""A pooled connection on which each statement is a transaction of its own: no round trip for BEGIN and COMMIT."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from squidmesh.store.engine import driver_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.store.engine import Database


@contextmanager
def autocommitting(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """Give a psycopg connection from the pool; it is put back as it was."""
    with database.errors(), database.engine.connect() as connection:
        raw = driver_connection(connection.execution_options(isolation_level="AUTOCOMMIT"))
        try:
            yield raw
        except psycopg.Error:
            if raw.closed:  # SQLAlchemy has not seen that it broke, and would complain of it when it is put back
                connection.invalidate()
            raise
