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
    """A server on which databases are made, once it was opened."""

    def __init__(self, url: str | None, private: EmbeddedServer | None = None) -> None:
        self._url = url
        self._private = private
        self._server: Server | None = None
        self._template: str | None = None

    @classmethod
    def on(cls, url: str) -> Self:
        """Return databases on the server of ``url``, whose user may create some."""
        return cls(url)

    @classmethod
    def private(cls, folder: Path) -> Self:
        """Return databases on a private server with its data below ``folder``, which other processes may share."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # root's server is run by somebody else, who has to get in
        return cls(None, EmbeddedServer(folder / "server"))

    def open(self) -> None:
        """Start the server, if it is a private one, and make the database that the others will be copies of."""
        self._server = Server(self._url or self._start())
        name = _new_name()
        url = self._server.create(name)
        self._template = name
        database = Database(url)
        try:
            database.migrate()
        finally:
            database.close()

    def _start(self) -> str:
        assert self._private is not None
        return self._private.start()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Make a database with the tables, give its URL, and drop it."""
        assert self._server is not None, "open() was called"
        name = _new_name()
        url = self._server.create(name, template=self._template)
        try:
            yield url
        finally:
            self._server.drop(name)

    def close(self) -> None:
        """Drop what was made, and end the use of a private server."""
        if self._server is not None and self._template is not None:
            self._server.drop(self._template)
        if self._private is not None:
            self._private.stop()


def _new_name() -> str:
    return f"squidmesh_test_{uuid.uuid4().hex[:16]}"
