"""A proxy between a worker and Postgres that counts statements and swallows answers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = 5  # one byte of type, four of length (https://www.postgresql.org/docs/current/protocol-overview.html)


class Proxy:
    """Forwards sessions to the server of ``url``; to be used in place of it under ``url`` of its own."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        host = str(target.query.get("host") or target.host or "127.0.0.1")
        self._port = int(str(target.query.get("port") or target.port or 5432))
        self._host = host
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._swallow: tuple[bytes, int] = (b"", 0)
        self._sessions: list[socket.socket] = []
        self._closed = False
        self.statements: list[str] = []
        self.round_trips = 0
        self.swallowed = 0
        self.url = target.set(
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            query={"sslmode": "disable", "gssencmode": "disable"},
        ).render_as_string(hide_password=False)
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
        self._listener.close()
        for session in self._sessions:
            _end(session)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._connect()
            for side in (client, server):
                if side.family != socket.AF_UNIX:  # messages are forwarded one by one, and must not wait for more
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                late = self._closed
                self._sessions += [client, server]
            if late:  # it came in while the door was closing
                _end(client)
                _end(server)
                return
            _Session(self, client, server).start()

    def _connect(self) -> socket.socket:
        if self._host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._host}/.s.PGSQL.{self._port}")
            return server
        return socket.create_connection((self._host, self._port))

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
        start = _read(self._client, 4)
        start += _read(self._client, struct.unpack("!i", start)[0] - 4)
        self._server.sendall(start)
        for kind, message in _messages(self._client):
            self._proxy.round_trips += kind in (b"S", b"Q")  # after these the client waits
            self._look_at(kind, message[_HEADER:])
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
        for kind, message in _messages(self._server):
            if not self._cut.is_set():
                self._client.sendall(message)
            elif kind == b"Z":  # ready for the next query: what was asked is committed
                self._proxy.swallowed += 1
                return


def _end(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()


def _messages(source: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    while True:
        header = _read(source, _HEADER)
        yield header[:1], header + _read(source, struct.unpack("!i", header[1:])[0] - 4)


def _read(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data
