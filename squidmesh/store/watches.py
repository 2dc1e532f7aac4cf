"""Knowing how long each connection has waited for the server, so that a silent one can be given up.

The kernel notices a peer that is gone (``tcp_user_timeout``, keepalives), but not one that acknowledges every
packet and answers none: a proxy that hangs, a server that is stopped. Such a wait would never end by itself.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from psycopg.abc import PQGen


@dataclass(slots=True, eq=False)
class _Watch:
    """``patience`` is how many seconds a wait may last (None: any), ``since`` when it began (0: none is on)."""

    patience: float | None
    since: float = 0.0


class Watches:
    """The watched connections of one process; ``end_silent`` may be called from any thread."""

    def __init__(self) -> None:
        self._watches: weakref.WeakKeyDictionary[psycopg.Connection[Any], _Watch] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def watch(self, connection: psycopg.Connection[Any], patience: float | None) -> None:
        """Note every wait of a connection from now on; called again, change its patience."""
        with self._lock:
            known = self._watches.get(connection)
            if known is not None:
                known.patience = patience
                return
            watch = self._watches[connection] = _Watch(patience)
        own = weakref.ref(connection)  # a strong one would make a circle, and the connection outlive its use

        def wait(gen: PQGen[Any], *arguments: Any, **options: Any) -> Any:
            waiting = own()
            assert waiting is not None, "whoever waits holds the connection"
            watch.since = time.monotonic()
            try:
                return type(waiting).wait(waiting, gen, *arguments, **options)
            finally:
                watch.since = 0.0

        vars(connection)["wait"] = wait

    def end_silent(self) -> int:
        """End the connections on which the server has been silent for longer than they bear; return how many.

        Their waits raise what a broken connection raises.
        """
        now = time.monotonic()
        with self._lock:
            silent = [
                connection
                for connection, watch in self._watches.items()
                if watch.since and watch.patience is not None and now - watch.since > watch.patience
            ]
        for connection in silent:
            _shut_down(connection)
        return len(silent)


def _shut_down(connection: psycopg.Connection[Any]) -> None:
    """Shut the socket and leave closing it to the thread that waits on it."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as shared:
        shared.shutdown(socket.SHUT_RDWR)
