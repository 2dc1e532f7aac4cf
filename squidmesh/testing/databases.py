"""Databases that tests have to themselves: copies of one that has the tables, dropped again."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from squidmesh.store.embedded import EmbeddedServer
from squidmesh.store.engine import Database
from squidmesh.store.scratch import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Databases:
    """A server on which databases are made; ``with`` stops it, if it is a private one."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._template: str | None = None

    @classmethod
    @contextmanager
    def on(cls, url: str) -> Iterator[Self]:
        """Give databases on the server of ``url``, whose user may create some."""
        databases = cls(Server(url))
        try:
            yield databases
        finally:
            databases.close()

    @classmethod
    @contextmanager
    def private(cls, folder: Path) -> Iterator[Self]:
        """Give databases on a private server with its data below ``folder``, which other processes may share."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # root's server is run by somebody else, who has to get in
        with EmbeddedServer(folder / "server") as server, cls.on(server.url) as databases:
            yield databases

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Make a database with the tables, give its URL, and drop it."""
        if self._template is None:
            self._template = self._make_template()
        name = _new_name()
        url = self._server.create(name, template=self._template)
        try:
            yield url
        finally:
            self._server.drop(name)

    def _make_template(self) -> str:
        name = _new_name()
        database = Database(self._server.create(name))
        try:
            database.migrate()
        finally:
            database.close()
        return name

    def close(self) -> None:
        """Drop the database that the others are copies of."""
        if self._template is not None:
            self._server.drop(self._template)


def _new_name() -> str:
    return f"squidmesh_test_{uuid.uuid4().hex[:16]}"
