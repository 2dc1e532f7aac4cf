"""huey's consumer with our scheduler, and signals that drain instead of dropping work."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from huey.consumer import Consumer

from squidmesh.worker.scheduler import SweepingScheduler

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from huey.api import Huey

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.firing import Firing
    from squidmesh.worker.profile import Profile

log = logging.getLogger(__name__)
_DRAIN_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_STOP_HARD = 2  # signals
_SLICE = 0.1


class DrainingConsumer(Consumer):  # type: ignore[misc]  # huey ships no type information
    """A consumer that a signal drains: nothing new is claimed, running steps may end; a second one stops it hard.

    Without ``own_signals`` it leaves the process's signals alone. ``on_drain`` is called when draining begins, and
    ``patient`` says whether what runs, and what is being recorded, is waited for.
    """

    def __init__(
        self,
        huey: Huey,
        engine: Engine,
        profile: Profile,
        firing: Firing | None,
        *,
        own_signals: bool,
        on_drain: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._firing = firing
        self._profile = profile
        self._own_signals = own_signals
        self._on_drain = on_drain
        self._signals = 0
        self.patient = False
        self._handlers_before: dict[int, Any] = {}
        self._has_started = threading.Event()
        super().__init__(
            huey,
            workers=profile.concurrency,
            periodic=False,
            worker_type=profile.type.value,
            shutdown_timeout=profile.grace,
        )

    def _create_scheduler(self) -> SweepingScheduler:
        return SweepingScheduler(
            self._engine,
            self._profile,
            self._firing,
            huey=self.huey,
            stop_flag=self.stop_flag,
            interval=self.scheduler_interval,
            periodic=False,
        )

    def start(self) -> None:
        """Start the threads, ready for a signal before the first of them can claim anything."""
        self._set_signal_handlers()
        try:
            super().start()
        finally:
            self._has_started.set()

    def wait_until_started(self) -> None:
        """Wait until another thread's ``run`` has started the threads, or has failed to: before, none can be joined."""
        self._has_started.wait()

    def stop(self, graceful: bool = False) -> None:
        """Stop; gracefully, running steps may go on for the profile's grace."""
        self._on_drain()
        self.patient = graceful and self._signals < _STOP_HARD
        super().stop(graceful=self.patient)

    def _join_workers(self) -> bool:
        """Wait for the threads, as long as there is patience and grace; tell whether all have ended.

        A signal that ends the patience is looked for, since gevent may hand it to any greenlet, where an exception
        would be lost. It becomes the one by which huey knows that nobody waits any longer.
        """
        began = time.monotonic()
        threads = [*(thread for _, thread in self.worker_threads), self.scheduler]
        while left := [thread for thread in threads if self.environment.is_alive(thread)]:
            remaining = began + self.shutdown_timeout - time.monotonic()  # a later stop may have shortened it
            if not self.patient:
                raise KeyboardInterrupt
            if remaining <= 0:
                break
            left[0].join(min(remaining, _SLICE))
        return not left

    def _interrupt_workers(self) -> None:
        """Interrupt nobody: the worker gives back what still runs, and a step that was cut off here would be lost."""

    def restore_signal_handlers(self) -> None:
        """Give the process's signals back to whoever had them."""
        while self._handlers_before:
            signal.signal(*self._handlers_before.popitem())

    def _set_signal_handlers(self) -> None:
        if not self._own_signals or self._handlers_before:
            return
        for signum in _DRAIN_SIGNALS:
            self._handlers_before[signum] = signal.signal(signum, self._handle_signal)

    def _handle_signal(self, signum: int, _: FrameType | None) -> None:
        """Ask the main loop to drain; the second signal, whichever it is, ends the waiting for running steps."""
        self._signals += 1
        if self._signals >= _STOP_HARD:
            self.patient = False
        self._signum, self._restart, self._graceful = signum, False, True
