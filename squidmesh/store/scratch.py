"""Databases that come and go on one server."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import text

from squidmesh.errors import DatabaseUnavailable, StatementRefused
from squidmesh.store.engine import Database
from squidmesh.store.targets import normalise_url


class Server:
    """The server of a URL, whose user may create databases."""

    def __init__(self, url: str) -> None:
        self._url = normalise_url(url)

    def create(self, name: str, *, template: str | None = None) -> str:
        """Create a database, as a copy of ``template`` if one is named, and return its URL.

        Its commits do not wait for the disk: what it holds need not outlive the server.
        """
        copied = f' TEMPLATE "{template}"' if template else ""
        self._execute(f'CREATE DATABASE "{name}"{copied}', f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, *statements: str) -> None:
        """Execute statements that no transaction may hold."""
        engine = sqlalchemy.create_engine(self._url, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
        database = Database(engine)
        try:
            with database.errors(), engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))
        except StatementRefused as error:
            raise DatabaseUnavailable(f"no database for tests can be made or dropped: {error}") from error
