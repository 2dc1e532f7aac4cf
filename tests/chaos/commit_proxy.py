"""A proxy before Postgres that knows when something is committed, and stops just before or just after it.

It reads the protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html): what a session sends
up to a Sync is one batch. A batch commits if it writes outside of a transaction, or if it ends with COMMIT one that
has written. A claim alone counts only if it took something, and nothing is different just before it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.wire import HEADER, Doorway, messages, read_start

if TYPE_CHECKING:
    from collections.abc import Callable

_WRITE = re.compile(rb"\b(?:INSERT INTO|UPDATE|DELETE FROM) (?:squidmesh|ledger)\.((?!workers)\w+)")
_CLAIM = re.compile(rb"UPDATE squidmesh\.step_runs s SET status = 'running', attempt = s\.attempt \+ 1")
# A claim that took nothing answers with little more than how long to sleep.
_LEAST_OF_A_CLAIM = 8
_IDLE = b"I"


@dataclass(frozen=True)
class Stop:
    """Where to stop: just before (or after) the ``number``-th commit, the first of them that writes just ``what``."""

    number: int
    before: bool
    what: str | None = None


@dataclass
class Commits:
    """The commits of all proxied sessions, counted together; ``reached`` is where the proxy stopped (0: nowhere)."""

    stop: Stop | None = None
    seen: list[str] = field(default_factory=list)
    reached: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def is_before(self, what: str) -> bool:
        """Return whether to stop instead of sending a commit."""
        with self._lock:
            return self._reaches(len(self.seen) + 1, what, before=True)

    def is_after(self, what: str) -> bool:
        """Count a commit that was made; return whether to stop instead of telling of it."""
        with self._lock:
            self.seen.append(what)
            return self._reaches(len(self.seen), what, before=False)

    def _reaches(self, number: int, what: str, *, before: bool) -> bool:
        stop = self.stop
        if stop is None or stop.before != before or number < stop.number or stop.what not in {None, what}:
            return False
        self.reached = number
        return True


class CommitProxy:
    """Forwards one process's sessions; at the stop nothing passes any more, and ``kill`` ends the process."""

    def __init__(self, url: str, commits: Commits) -> None:
        self._doorway = Doorway(url)
        self.url = self._doorway.url
        self._sessions: list[_Session] = []
        self.commits = commits
        self.gate = threading.Lock()
        self.stopped = False
        self.kill: Callable[[], object] = lambda: None
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def end(self) -> None:
        """Kill the process and cut its sessions, then let the next one pass."""
        self.kill()
        self._cut()
        self.commits.stop = None
        self.stopped = False

    def close(self) -> None:
        """Accept nothing more and cut all sessions."""
        self._doorway.close()
        self._accepting.join()
        self._cut()

    def _cut(self) -> None:
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, server = self._doorway.accept()
            except OSError:
                return
            self._sessions.append(_Session(self, client, server))
            self._sessions[-1].start()


class _Session:
    """One connection: two threads, one for each direction."""

    def __init__(self, proxy: CommitProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.prepared: dict[bytes, bytes] = {}
        self.status = _IDLE
        self.dirty = ""
        self.pending = ""
        self.claiming = False
        self.claimed = False

    def start(self) -> None:
        """Forward until either side closes."""
        threading.Thread(target=self._forward, daemon=True).start()

    def cut(self) -> None:
        """Let both sides see that the connection is gone."""
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _forward(self) -> None:
        answers = threading.Thread(target=self._guard, args=(self._answers,), daemon=True)
        answers.start()
        self._guard(self._requests)
        answers.join()
        self.client.close()
        self.server.close()

    def _guard(self, forward: Callable[[], None]) -> None:
        with contextlib.suppress(OSError, struct.error):
            forward()
        self.cut()

    def _requests(self) -> None:
        self.server.sendall(read_start(self.client))
        batch, statements = b"", []
        for kind, message in messages(self.client):
            batch += message
            statements += self._statement(kind, message[HEADER:])
            if kind in {b"S", b"Q", b"p", b"X", b"H"}:
                self._send(batch, statements)
                batch, statements = b"", []

    def _statement(self, kind: bytes, body: bytes) -> list[bytes]:
        if kind == b"P":
            name, statement, _ = body.split(b"\0", 2)
            self.prepared[name] = statement
        elif kind == b"B":
            return [self.prepared[body.split(b"\0", 2)[1]]]
        elif kind == b"Q":
            return [body[:-1]]
        return []

    def _send(self, batch: bytes, statements: list[bytes]) -> None:
        """Forward a batch, unless it commits and this is where to stop."""
        within = self.status != _IDLE or b"BEGIN" in statements
        claims = [statement for statement in statements if _CLAIM.search(statement)]
        wrote = [
            table.decode() for statement in statements if statement not in claims for table in _WRITE.findall(statement)
        ]
        self.dirty = " ".join(dict.fromkeys([*self.dirty.split(), *wrote]))
        commits = self.dirty and (not within or b"COMMIT" in statements)
        with self.proxy.gate:
            if self.proxy.stopped:
                return
            stop = bool(commits) and self.proxy.commits.is_before(self.dirty)
            self.proxy.stopped = stop
            if not stop:
                self.pending, self.claiming, self.claimed = self.dirty if commits else "", bool(claims), False
                self.server.sendall(batch)
        if stop:
            self.proxy.end()
        if commits or b"ROLLBACK" in statements:
            self.dirty = ""

    def _answers(self) -> None:
        kept = b""
        for kind, message in messages(self.server):
            kept += message
            if kind == b"D" and self.claiming:
                self.claimed |= _values(message[HEADER:]) >= _LEAST_OF_A_CLAIM
            if kind == b"Z":
                self.status = message[HEADER:]
                self._note()
            # What tells of a commit waits until it is known whether that is to be told.
            if kind == b"Z" or not (self.pending or self.claiming):
                with self.proxy.gate:
                    if not self.proxy.stopped:
                        self.client.sendall(kept)
                kept = b""

    def _note(self) -> None:
        what = self.pending + (" claim" if self.claimed else "")
        self.pending, self.claiming, self.claimed = "", False, False
        if not what:
            return
        with self.proxy.gate:
            if self.proxy.stopped or not self.proxy.commits.is_after(what.strip()):
                return
            self.proxy.stopped = True
        self.proxy.end()


def _values(row: bytes) -> int:
    """Return how many values of a DataRow are not NULL."""
    (count,), at, found = struct.unpack("!h", row[:2]), 2, 0
    for _ in range(count):
        (length,) = struct.unpack("!i", row[at : at + 4])
        at += 4 + max(length, 0)
        found += length >= 0
    return found
