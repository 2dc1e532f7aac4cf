"""Heartbeats: one thread a process keeps the leases of all that is in flight, on a connection of its own."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable
from squidmesh.runtime.leases import beat, cancelled_claims
from squidmesh.worker.fence import show_lost

if TYPE_CHECKING:
    from uuid import UUID

    from squidmesh.runtime.engine import Engine
    from squidmesh.worker.inflight import InFlight

log = logging.getLogger(__name__)
_BEATS_A_LEASE = 3


class Heartbeat:
    """Extends leases three times a lease.

    A claim that is gone is shown to its callable (``ctx.claim_lost``), as one whose lease has passed is by the
    fence; what the callable returns is offered all the same, and stands if nobody took the step.
    A callable whose run is cancelled is told as well (``ctx.cancelled``): a few milliseconds after the cancel,
    when the listener passes it on to ``stop_run``, and by the next beat (a third of the lease) if nothing was heard.
    """

    def __init__(self, engine: Engine, inflight: InFlight) -> None:
        self._engine = engine
        self._inflight = inflight
        self._store = engine.dedicated()
        self._closing = False
        self._beat_now = threading.Event()
        self._thread = threading.Thread(target=self._run, name="squidmesh-heartbeat", daemon=True)

    def start(self) -> None:
        """Start beating."""
        self._thread.start()

    def close(self) -> None:
        """Stop beating."""
        self._closing = True
        self._beat_now.set()
        self._thread.join(timeout=5)

    def stop_run(self, run_id: UUID) -> None:
        """Look at once what has become of a run that is said to stop, if any of its steps is here."""
        if any(held.task.claim.run.id == run_id for held in self._inflight.all()):
            self._beat_now.set()

    def _run(self) -> None:
        interval = self._engine.lease.total_seconds() / _BEATS_A_LEASE
        while True:
            self._beat_now.wait(interval)
            self._beat_now.clear()
            if self._closing:
                break
            try:
                self._beat()
            except DatabaseUnavailable as error:
                log.warning("no heartbeat was sent: %s", error)
            except Exception:
                log.exception("the heartbeat met an error and goes on")
        self._store.close()

    def _beat(self) -> None:
        held = self._inflight.all()
        if not held:
            return
        began = time.monotonic()
        pairs = [(item.id, item.task.claim.token) for item in held]
        with self._store.use() as connection:
            result = beat(self._engine, connection, pairs)
            cancelled = cancelled_claims(self._engine, connection, [item.task.claim for item in held])
        self._inflight.extend(result.extended, began)
        for item in held:
            if item.id in cancelled:
                item.signals.cancelled = True
            if item.id in result.lost and self._inflight.get(item.id) is item:
                show_lost(item)
