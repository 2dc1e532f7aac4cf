"""Wake-ups: hints that rows are due, sent after the commit on a connection of their own.

A NOTIFY inside the transaction would take a cluster-wide lock through its flush, so none is sent there.
At most one goes out per 10 ms and process, for all lanes together. Everything works without them, by
polling.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from squidmesh.errors import SquidMeshError
from squidmesh.store.wakeups import Waiting, listen, notify, notify_stop, notify_task, received

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from squidmesh.store.engine import Database

log = logging.getLogger(__name__)
_PAUSE = 0.01


class Notifier:
    """Sends what was announced, from a thread that the first announcement starts."""

    def __init__(self, database: Database, *, horizon: timedelta) -> None:
        self._database = database
        self._horizon = horizon.total_seconds()
        self._closed = False
        self.begin_anew()
        _notifiers.add(self)

    def begin_anew(self) -> None:
        """Have nothing to send and no thread: in a forked child, where the parent's thread may have held the lock."""
        self._condition = threading.Condition()
        self._due_in: float | None = None
        self._task = False
        self._thread: threading.Thread | None = None

    def announce(self, delay: timedelta) -> None:
        """Say that a row is due after ``delay``; one beyond the poll interval needs no hint."""
        seconds = delay.total_seconds()
        if seconds > self._horizon:
            return
        with self._condition:
            self._due_in = seconds if self._due_in is None else min(self._due_in, seconds)
            self._send()

    def announce_task(self, delay: timedelta) -> None:
        """Say that a task of the host is due after ``delay``; one beyond the poll interval needs no hint."""
        if delay.total_seconds() > self._horizon:
            return
        with self._condition:
            self._task = True
            self._send()

    def _send(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="squidmesh-notify", daemon=True)
            self._thread.start()
        self._condition.notify()

    def close(self) -> None:
        """Send what is still to be sent and stop."""
        with self._condition:
            self._closed = True
            self._condition.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._condition:
                while self._due_in is None and not self._task and not self._closed:
                    self._condition.wait()
                due_in, self._due_in = self._due_in, None
                task, self._task = self._task, False
            if due_in is None and not task:
                return
            try:
                if due_in is not None:
                    notify(self._database, due_in)
                if task:
                    notify_task(self._database)
            except SquidMeshError as error:
                log.debug("no wake-up was sent: %s", error)
            time.sleep(_PAUSE)


_notifiers: weakref.WeakSet[Notifier] = weakref.WeakSet()


def _begin_all_anew() -> None:
    for notifier in _notifiers:
        notifier.begin_anew()


os.register_at_fork(after_in_child=_begin_all_anew)


def announce_stop(database: Database, run_id: UUID) -> None:
    """Say that the running steps of a run are to stop; who does not hear it learns by the next heartbeat."""
    try:
        notify_stop(database, run_id)
    except SquidMeshError as error:
        log.debug("nobody was told that run %s stops: %s", run_id, error)


__all__ = ["Notifier", "Waiting", "announce_stop", "listen", "received"]
