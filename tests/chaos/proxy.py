"""A proxy that forwards bytes to Postgres until it is told to cut its connections, or to swallow all they carry."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator


class Proxy:
    """Stands before the server of ``url`` under a ``url`` of its own."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self._address = (str(target.host), int(target.port or 5432))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._fatal = b""
        self._lock = threading.Lock()
        self._sessions: list[tuple[socket.socket, socket.socket]] = []
        self.url = target.set(host="127.0.0.1", port=self._listener.getsockname()[1]).render_as_string(
            hide_password=False
        )
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

    def cut_after(self, statement: bytes) -> None:
        """End the next connection that sends these bytes and then commits, when the commit is done but not answered."""
        self._fatal = statement

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
                server = socket.create_connection(self._address, timeout=10)
            except OSError:
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sessions.append((client, server))
            fate = _Fate()
            threading.Thread(target=self._ask, args=(client, server, fate), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client, fate), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, fate: _Fate) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self._flowing.wait()
                if self._fatal and self._fatal in data:
                    self._fatal, fate.marked = b"", True
                if fate.marked and b"COMMIT" in data:
                    fate.doomed = True
                server.sendall(data)
        _end(client)
        _end(server)

    def _answer(self, server: socket.socket, client: socket.socket, fate: _Fate) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                self._flowing.wait()
                if fate.doomed:
                    break
                client.sendall(data)
        _end(client)
        _end(server)


@dataclass(slots=True)
class _Fate:
    """What is to become of one connection."""

    marked: bool = False
    doomed: bool = False


def _end(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
