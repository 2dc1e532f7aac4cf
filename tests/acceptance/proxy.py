"""A proxy between a worker and Postgres that counts statements and swallows answers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from tests.wire import HEADER, Doorway, end, messages, read_start


class Proxy:
    """Forwards sessions to the server of ``url``; to be used in place of it under ``url`` of its own."""

    def __init__(self, url: str) -> None:
        self._doorway = Doorway(url)
        self._lock = threading.Lock()
        self._swallow: tuple[bytes, int] = (b"", 0)
        self._sessions: list[socket.socket] = []
        self._closed = False
        self.statements: list[str] = []
        self.round_trips = 0
        self.swallowed = 0
        self.url = self._doorway.url
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self, part: str, times: int) -> None:
        """Execute the next statements that contain ``part``, but answer by closing the connection."""
        with self._lock:
            self._swallow = (part.encode(), times)
            self.swallowed = 0

    def close(self) -> None:
        """Accept nothing more and end all sessions."""
        with self._lock:
            self._closed = True
        self._doorway.close()
        for session in self._sessions:
            end(session)

    def _accept(self) -> None:
        while True:
            try:
                client, server = self._doorway.accept()
            except OSError:
                return
            with self._lock:
                late = self._closed
                self._sessions += [client, server]
            if late:  # it came in while the door was closing
                end(client)
                end(server)
                return
            _Session(self, client, server).start()

    def executes(self, statement: bytes) -> bool:
        """Count a statement; True if its answer is to be swallowed."""
        with self._lock:
            self.statements.append(statement.decode(errors="replace"))
            part, times = self._swallow
            if not times or part not in statement:
                return False
            self._swallow = (part, times - 1)
            return True


class _Session:
    """One connection: two threads, one for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._prepared: dict[bytes, bytes] = {}
        self._doomed = False
        self._cut = threading.Event()

    def start(self) -> None:
        """Forward until either side closes."""
        threading.Thread(target=self._guard, args=(self._requests,), daemon=True).start()
        threading.Thread(target=self._guard, args=(self._answers,), daemon=True).start()

    def _guard(self, forward: object) -> None:
        with contextlib.suppress(OSError, struct.error):
            forward()  # type: ignore[operator]
        for side in (self._client, self._server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _requests(self) -> None:
        self._server.sendall(read_start(self._client))
        for kind, message in messages(self._client):
            self._proxy.round_trips += kind in (b"S", b"Q")  # after these the client waits
            self._look_at(kind, message[HEADER:])
            if kind == b"S" and self._doomed:
                self._cut.set()
            self._server.sendall(message)

    def _look_at(self, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, statement, _ = body.split(b"\0", 2)
            self._prepared[name] = statement
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self._doomed |= self._proxy.executes(self._prepared[name])
        elif kind == b"Q" and self._proxy.executes(body[:-1]):
            self._cut.set()

    def _answers(self) -> None:
        for kind, message in messages(self._server):
            if not self._cut.is_set():
                self._client.sendall(message)
            elif kind == b"Z":  # ready for the next query: what was asked is committed
                self._proxy.swallowed += 1
                return
