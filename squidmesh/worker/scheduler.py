"""The scheduler loop of a worker process, in huey's consumer: sweeps, the sign of life, retention, what is timed."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from huey.consumer import Scheduler

from squidmesh.errors import DatabaseUnavailable
from squidmesh.runtime.deadlines import sweep_deadlines
from squidmesh.runtime.losses import sweep_losses
from squidmesh.runtime.presence import beat_presence
from squidmesh.runtime.pruning import prune_for_a_while
from squidmesh.runtime.timeouts import sweep_timeouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.firing import Firing
    from squidmesh.worker.profile import Profile

log = logging.getLogger(__name__)
_NEVER = float("inf")
_PRUNE_FOR = 0.2  # seconds of a sweep, while some are left
_PRUNE_EVERY = 60.0


class SweepingScheduler(Scheduler):  # type: ignore[misc]  # huey ships no type information
    """Replaces huey's loop, which moves rows between tables: our timers are due times of step runs.

    Between two sweeps it sleeps until the next tick that is known; each sweep looks again, since a schedule
    may have been resumed, or its clock moved.
    """

    process_name = "Scheduler"

    def __init__(self, engine: Engine, profile: Profile, firing: Firing | None, **options: Any) -> None:
        super().__init__(**options)
        self._engine = engine
        self._profile = profile
        self._firing = firing
        self._store = engine.dedicated()
        self._sweep_at = 0.0
        self._fire_at = 0.0
        self._prune_at = 0.0
        self._minute_at = 0.0

    def loop(self, now: object = None) -> None:  # noqa: ARG002 - huey's signature
        """Do what is due, then wait for what is next."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + self._profile.sweep_interval
            self._fire_at = 0.0
            if self._minute_at == _NEVER:
                self._minute_at = 0.0
            self._guard("sweep", self._sweep)
            self._guard("prune", self._prune)
        if time.monotonic() >= self._fire_at:
            self._fire_at = _NEVER
            self._guard("look at the schedules", self._fire)
        if time.monotonic() >= self._minute_at:
            self._minute_at = _NEVER
            self._guard("enqueue periodic huey tasks", self._enqueue_periodic)
        self.stop_flag.wait(max(min(self._sweep_at, self._fire_at, self._minute_at) - time.monotonic(), 0.0))

    def _guard(self, what: str, call: Callable[[], None]) -> None:
        try:
            call()
        except DatabaseUnavailable as error:
            log.warning("could not %s: %s", what, error)
        except Exception:
            log.exception("could not %s; the next round tries again", what)

    def _sweep(self) -> None:
        with self._store.use() as connection:
            beat_presence(self._engine, connection, self._profile)
            found = sweep_losses(self._engine, connection)
            sweep_deadlines(self._engine, connection)
            sweep_timeouts(self._engine, connection)
        if found:
            self._engine.notifier.announce(self._engine.poll_interval)

    def _prune(self) -> None:
        """Delete finished runs past their retention, a little at each sweep until all are gone."""
        if self._profile.retention is None or time.monotonic() < self._prune_at:
            return
        with self._store.use() as connection:
            left = prune_for_a_while(self._engine, connection, self._profile.retention, _PRUNE_FOR)
        if not left:
            self._prune_at = time.monotonic() + _PRUNE_EVERY

    def _fire(self) -> None:
        if self._firing is None:
            return
        with self._store.use() as connection:
            next_in = self._firing.fire_due(connection)
        if next_in is not None:
            self._fire_at = time.monotonic() + next_in.total_seconds()

    def _enqueue_periodic(self) -> None:
        """Enqueue the host's periodic tasks, unless this worker fires nothing."""
        next_in = self.huey.enqueue_periodic() if self._firing is not None else None
        if next_in is not None:
            self._minute_at = time.monotonic() + next_in

    def shutdown(self) -> None:
        """Close the sweep's connection."""
        self._store.close()
