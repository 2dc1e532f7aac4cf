"""The one LISTEN connection of a worker process; without it, polling finds everything a little later."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from squidmesh.errors import DatabaseUnavailable
from squidmesh.model.duration import format_duration
from squidmesh.runtime.wakeups import Waiting, listen, received

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.runtime.engine import Engine

log = logging.getLogger(__name__)
_WAIT = 0.5
_PROBE = 5.0
_LONGEST_BACKOFF = 30.0


class Listener:
    """Passes on what it hears, and reconnects for ever, with a growing pause.

    ``hint`` is told of wake-ups, ``stop_run`` of runs that stop, ``hint_task`` of tasks of the host that wait.
    """

    def __init__(
        self,
        engine: Engine,
        hint: Callable[[float], None],
        stop_run: Callable[[UUID], None],
        hint_task: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._hint = hint
        self._stop_run = stop_run
        self._hint_task = hint_task
        self._store = engine.dedicated()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="squidmesh-listener", daemon=True)

    def start(self) -> None:
        """Start listening."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        backoff = 0.0
        while not self._stop.wait(backoff):
            try:
                self._listen()
                backoff = 0.0
            except DatabaseUnavailable as error:
                backoff = min(max(backoff * 2, 0.2), _LONGEST_BACKOFF)
                log.warning("not listening, polling goes on; trying again in %.1f s: %s", backoff, error)
            except Exception:
                backoff = _LONGEST_BACKOFF
                log.exception("the listener met an error and goes on")
        self._store.close()

    def _listen(self) -> None:
        with self._store.use() as connection:
            if self._engine.database.pooled:  # LISTEN would stay with a session that others use next
                self._do_without()
                return
            listen(self._engine.database, connection)
            self._hint(0.0)  # whatever was announced while nobody listened
            self._hint_task()
            self._probe(connection)
            ask_at = time.monotonic() + self._engine.lease.total_seconds()
            while not self._stop.is_set():
                for heard in received(connection, _WAIT):
                    self._pass_on(heard)
                if time.monotonic() >= ask_at:  # a connection that has fallen silent hears nothing and tells nobody
                    listen(self._engine.database, connection)
                    ask_at = time.monotonic() + self._engine.lease.total_seconds()

    def _do_without(self) -> None:
        self._store.close()
        log.warning("behind a pooler no wake-up arrives: polling every %s", format_duration(self._engine.poll_interval))
        self._stop.wait()

    def _pass_on(self, heard: float | UUID | Waiting) -> None:
        if isinstance(heard, UUID):
            self._stop_run(heard)
        elif heard is Waiting.HOST_TASK:
            self._hint_task()
        else:
            self._hint(heard)

    def _probe(self, connection: Any) -> None:
        """Send a wake-up and see whether it arrives: a pooler may accept LISTEN and pass nothing on."""
        self._engine.notifier.announce(timedelta())
        until = time.monotonic() + _PROBE
        while time.monotonic() < until and not self._stop.is_set():
            for heard in received(connection, _WAIT):
                log.info("listening for wake-ups")
                self._pass_on(heard)
                return
        log.warning(
            "no wake-up arrives by LISTEN (a pooler?): polling every %s", format_duration(self._engine.poll_interval)
        )
