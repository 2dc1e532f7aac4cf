"""The fence: one thread a process that never waits for the database, and so can tell when others wait too long.

It ends connections on which the server is silent, so that the loops that wait on them open others, and shows
callables whose lease has passed that their claim may be another's (``ctx.claim_lost``).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from squidmesh.runtime.reporting import logged

if TYPE_CHECKING:
    from squidmesh.runtime.engine import Engine
    from squidmesh.worker.inflight import Held, InFlight

log = logging.getLogger(__name__)
_LOOKS_A_LEASE = 10
_LONGEST_INTERVAL = 1.0


class Fence:
    """Looks several times a lease, and at least once a second."""

    def __init__(self, engine: Engine, inflight: InFlight) -> None:
        self._database = engine.database
        self._inflight = inflight
        self._interval = min(engine.lease.total_seconds() / _LOOKS_A_LEASE, _LONGEST_INTERVAL)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="squidmesh-fence", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                if ended := self._database.end_silent():
                    log.warning("%d connections ended: the database did not answer on them", ended)
                self._show_passed()
            except Exception:
                log.exception("the fence met an error and goes on")

    def _show_passed(self) -> None:
        now = time.monotonic()
        for item in self._inflight.all():
            if item.lease_until <= now:
                show_lost(item)


def show_lost(item: Held) -> None:
    """Let the callable see that its claim is not its own any more."""
    if not item.signals.lost:
        item.signals.lost = True
        claim = item.task.claim
        log.warning("claim_lost: step %s of run %s", claim.step, claim.run.id, extra=logged(item.task))
