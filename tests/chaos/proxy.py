"""A proxy that forwards bytes to Postgres until it is told to cut its connections, or to swallow all they carry."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from tests.wire import Doorway, end

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator


class Proxy:
    """Stands before the server of ``url`` under a ``url`` of its own."""

    def __init__(self, url: str) -> None:
        self._doorway = Doorway(url)
        self.url = self._doorway.url
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._lock = threading.Lock()
        self._sessions: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._doorway.close()
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
            end(side)
        return len(sessions)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, server = self._doorway.accept()
            except OSError:
                continue
            with self._lock:
                self._sessions.append((client, server))
            if self._closed:  # it came in while the door was closing
                self.cut()
                return
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        end(source)
        end(sink)
