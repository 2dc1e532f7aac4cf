"""What stands between a client and Postgres: a place of its own to listen at, and the messages of the protocol.

https://www.postgresql.org/docs/current/protocol-overview.html
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = 5  # one byte of type, four of length


class Doorway:
    """A port on this machine under a ``url`` of its own, behind which ``accept`` connects to the server of ``url``."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self._host = str(target.query.get("host") or target.host or "127.0.0.1")
        self._port = int(str(target.query.get("port") or target.port or 5432))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = target.set(
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            query={"sslmode": "disable", "gssencmode": "disable"},
        ).render_as_string(hide_password=False)

    def accept(self) -> tuple[socket.socket, socket.socket]:
        """Wait for a client; return its socket and one to the server. ``OSError`` once closed, or without a server."""
        client, _ = self._listener.accept()
        try:
            server = self._connect()
        except OSError:
            end(client)
            raise
        for side in (client, server):
            if side.family != socket.AF_UNIX:  # messages are forwarded one by one, and must not wait for more
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, server

    def close(self) -> None:
        """Let nobody in any more, and whoever waits in ``accept`` go."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _connect(self) -> socket.socket:
        if self._host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._host}/.s.PGSQL.{self._port}")
            return server
        server = socket.create_connection((self._host, self._port), timeout=10)
        server.settimeout(None)
        return server


def end(side: socket.socket) -> None:
    """End a connection, whatever state it is in."""
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()


def read_start(source: socket.socket) -> bytes:
    """Read the message that a session begins with, which has no type."""
    length = read(source, 4)
    return length + read(source, struct.unpack("!i", length)[0] - 4)


def messages(source: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, whole message) until the connection ends, which is an ``OSError``."""
    while True:
        header = read(source, HEADER)
        yield header[:1], header + read(source, struct.unpack("!i", header[1:])[0] - 4)


def read(source: socket.socket, size: int) -> bytes:
    """Read so many bytes; ``OSError`` if there are no more."""
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data
