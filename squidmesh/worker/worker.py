"""A worker: everything that one process runs to execute steps, started and stopped together.

Its connections, however many threads execute: one each for the database loop, LISTEN, the sweep and (once
something runs) the heartbeats, and at most four from the pool, for starts, slow paths and wake-ups: idle
five at most, never more than eight; and one for looks where the host has huey tasks of its own.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Self

from squidmesh.errors import DatabaseUnavailable, StatementRefused
from squidmesh.model.duration import format_duration
from squidmesh.runtime.presence import begin_presence, end_presence
from squidmesh.runtime.recovery import release_claims
from squidmesh.worker.consumer import DrainingConsumer
from squidmesh.worker.fence import Fence
from squidmesh.worker.heartbeat import Heartbeat
from squidmesh.worker.inflight import InFlight
from squidmesh.worker.interruption import Interruption
from squidmesh.worker.listener import Listener
from squidmesh.worker.recorder import Recorder
from squidmesh.worker.tasks import make_huey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.firing import Firing
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.worker.host_huey import HostHuey
    from squidmesh.worker.profile import Profile

log = logging.getLogger(__name__)
_AFTER_RELEASE = timedelta(seconds=1)
_LAST_RECORDS = 5.0
_LAST_ANSWERS = 1.0
_SLICE = 0.2


class Worker:
    """Executes due steps until it is stopped; made by ``SquidMesh.worker``.

    ``run()`` blocks and owns the process's signals; ``start()`` and ``stop()``, or ``with``, use threads and
    leave signals alone.
    """

    def __init__(self, engine: Engine, profile: Profile, firing: Firing | None = None, *, huey: HostHuey) -> None:
        self.profile = profile
        self._firing = firing
        self._engine = engine
        self._inflight = InFlight(engine.lease)
        interruption = self._interruption() if profile.expendable else None
        self._recorder = Recorder(engine, self._inflight, profile, huey, interruption)
        self._heartbeat = Heartbeat(engine, self._inflight)
        self._fence = Fence(engine, self._inflight)
        tasks = self._recorder.host_tasks
        self._listener = Listener(engine, self._recorder.hint, self._heartbeat.stop_run, tasks.hint)
        self._host_huey = huey
        self._huey = make_huey(engine, self._inflight, self._recorder, huey)
        self._consumer: DrainingConsumer | None = None
        self._thread: threading.Thread | None = None
        self._draining = False
        self._grace_until = math.inf

    @property
    def huey(self) -> HostHuey:
        """The mesh's ``huey``: its signals and hooks are told of each step, and its tasks are executed here too."""
        return self._host_huey

    @property
    def stuck(self) -> bool:
        """Whether every thread hangs in a step that passed its timeout a lease ago: nothing can be executed here."""
        return self._recorder.all_stuck.is_set()

    def run(self) -> None:
        """Work until a signal, until all is ``stuck`` or, with ``burst``, until nothing is due; then drain."""
        consumer = self._open(own_signals=True)
        if self.profile.burst:
            _when(self._recorder.nothing_due, consumer.stop_flag.set)
        _when(self._recorder.all_stuck, partial(self._give_up, consumer.stop_flag.set))
        try:
            consumer.run()
        finally:
            self._close()
            consumer.restore_signal_handlers()

    def start(self) -> None:
        """Start working in threads of this process."""
        consumer = self._open(own_signals=False)
        self._thread = threading.Thread(target=consumer.run, name="squidmesh-consumer", daemon=True)
        self._thread.start()
        try:
            consumer.wait_until_started()
        except BaseException:
            self.stop(0.0)  # whoever is interrupted here holds no worker that they could stop
            raise

    def stop(self, grace: float | None = None) -> None:
        """Stop: running steps may go on for ``grace`` seconds (default: the worker's), then they are given back."""
        if self._consumer is None:
            return
        if grace is not None:
            self._consumer.shutdown_timeout = grace
        self._consumer.stop(graceful=True)
        if self._thread is not None:
            self._thread.join()
        self._close()

    def wait_until_nothing_due(self, timeout: float | None) -> bool:
        """Wait until nothing is due and nothing runs; False if ``timeout`` seconds (None: any) pass before."""
        self._recorder.look_afresh()
        return self._recorder.nothing_due.wait(timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _interruption(self) -> Interruption:
        return Interruption(patience=self._engine.lease.total_seconds(), last_words=self._last_words)

    def _last_words(self) -> None:
        """Say what others would otherwise learn late: that successors are due, that this process is no more."""
        self._engine.notifier.close()
        self._say_goodbye()

    def _open(self, *, own_signals: bool) -> DrainingConsumer:
        if self._consumer is not None:
            raise RuntimeError("a worker runs once; make another")
        begin_presence(self._engine, self.profile)
        self._consumer = DrainingConsumer(
            self._huey, self._engine, self.profile, self._firing, own_signals=own_signals, on_drain=self._drain
        )
        self._recorder.start()
        self._heartbeat.start()
        self._listener.start()
        self._fence.start()
        log.info("worker %s serves %s", self.profile.id, ", ".join(self.profile.queues))
        return self._consumer

    def _drain(self) -> None:
        seconds = self._consumer.shutdown_timeout if self._consumer else 0.0
        self._grace_until = min(self._grace_until, time.monotonic() + seconds)  # a later stop may be a harder one
        if not self._draining:
            self._draining = True
            grace = format_duration(timedelta(seconds=seconds))
            running = f"{len(self._inflight)} steps and {len(self._recorder.host_tasks.running)} huey tasks"
            log.info("claiming nothing more; %s run, for %s at most", running, grace)
        untaken = self._recorder.drain()
        for held in untaken:
            self._inflight.remove(held)
        self._give_back([held.task for held in untaken], timedelta())

    def _close(self) -> None:
        """Let what ended be recorded, then end; whoever is interrupted while they wait for that is so in the end."""
        self._drain()
        try:
            self._await_records()
        finally:
            self._end()

    def _await_records(self) -> None:
        """Wait, in an outage for as long as steps might have gone on; a harder stop, or a second signal, ends that."""
        self._recorder.finish()
        least = time.monotonic() + _LAST_RECORDS
        while not self._recorder.ended(within=_SLICE) and time.monotonic() < max(least, self._patient_until()):
            pass

    def _patient_until(self) -> float:
        """Return the end of the grace; long ago, if nothing is waited for."""
        return self._grace_until if self._consumer is not None and self._consumer.patient else 0.0

    def _end(self) -> None:
        """Give back what still runs, and end: the leases would otherwise hold it up for others."""
        self._recorder.close()
        running = self._inflight.all()
        for held in running:
            self._inflight.end(held)
            held.signals.cancel()
        if running:
            log.warning("%d steps did not end in time and are given back", len(running))
        self._give_back([held.task for held in running], _AFTER_RELEASE)
        self._recorder.answers.close(max(self._patient_until() - time.monotonic(), _LAST_ANSWERS))
        if tasks := self._recorder.host_tasks.running:
            log.warning("%d huey tasks did not end in time and are lost: %s", len(tasks), "; ".join(map(str, tasks)))
        self._recorder.host_tasks.close()
        self._listener.close()
        self._heartbeat.close()
        self._engine.executor.event_loop.close()
        self._say_goodbye()
        self._fence.close()
        log.info("worker %s has stopped", self.profile.id)

    def _give_back(self, tasks: Sequence[Prepared], delay: timedelta) -> None:
        for given, task in enumerate(tasks):
            try:
                release_claims(self._engine, [task], delay)
            except StatementRefused as error:
                log.warning("step %s is not given back and waits for its lease: %s", task.claim.step, error)
            except DatabaseUnavailable as error:
                log.warning("%d steps are not given back and wait for their leases: %s", len(tasks) - given, error)
                return  # each try may take as long as a connection does, and the process is to end

    def _say_goodbye(self) -> None:
        try:
            end_presence(self._engine, self.profile)
        except DatabaseUnavailable as error:
            log.warning("the worker's row stays: %s", error)

    def _give_up(self, stop: Callable[[], None]) -> None:
        log.error("every thread hangs in a step that has passed its timeout: the process ends, and another must start")
        stop()


def _when(event: threading.Event, call: Callable[[], None]) -> None:
    """Call something once an event has come, in a thread of its own."""

    def wait() -> None:
        event.wait()
        call()

    threading.Thread(target=wait, name="squidmesh-end", daemon=True).start()
