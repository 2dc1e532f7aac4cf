"""A proxy that forwards bytes to Postgres until it is told to cut its connections, or to swallow all they carry."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator


class Proxy:
    """Stands before the server of ``url`` under a ``url`` of its own."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self._host = str(target.query.get("host") or target.host or "127.0.0.1")
        self._port = int(str(target.query.get("port") or target.port or 5432))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._lock = threading.Lock()
        self._sessions: list[tuple[socket.socket, socket.socket]] = []
        self.url = target.set(
            host="127.0.0.1", port=self._listener.getsockname()[1], query={"sslmode": "disable"}
        ).render_as_string(hide_password=False)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._listener.close()
        self._flowing.set()
        self.cut()

    @contextlib.contextmanager
    def black_hole(self) -> Iterator[None]:
        """Forward nothing, on old connections and new ones, and close none: what was sent seems to be under way.

        The connections of that time never come back: like a firewall that forgot them, it drops them at the end.
        """
        self._flowing.clear()
        try:
            yield
        finally:
            self.cut()
            self._flowing.set()

    def cut(self) -> int:
        """End every connection without a word; return how many there were."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for side in (side for session in sessions for side in session):
            _end(side)
        return len(sessions)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
                server = self._connect()
            except OSError:
                continue
            for side in (client, server):
                if side.family != socket.AF_UNIX:
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sessions.append((client, server))
            if self._closed:  # it came in while the door was closing
                self.cut()
                return
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _connect(self) -> socket.socket:
        if self._host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._host}/.s.PGSQL.{self._port}")
            return server
        server = socket.create_connection((self._host, self._port), timeout=10)
        server.settimeout(None)
        return server

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        _end(source)
        _end(sink)


def _end(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
