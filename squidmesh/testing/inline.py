"""A worker without threads: claims, executes and records one step run after the other, in the caller's thread."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from squidmesh.model.definition import Uses
from squidmesh.model.state import StepRunKind
from squidmesh.runtime.deadlines import sweep_deadlines
from squidmesh.runtime.losses import sweep_losses
from squidmesh.runtime.outcomes import timed_out
from squidmesh.runtime.presence import beat_presence
from squidmesh.runtime.recording import plan_record
from squidmesh.runtime.timeouts import sweep_timeouts
from squidmesh.store.clock import next_due_in
from squidmesh.worker.inflight import InFlight
from squidmesh.worker.tasks import StepRunner
from squidmesh.worker.ticket import Ticket
from squidmesh.worker.turn import Turn

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.firing import Firing
    from squidmesh.runtime.recording import Ended
    from squidmesh.steps.registry import StepRegistry
    from squidmesh.worker.inflight import Held
    from squidmesh.worker.profile import Profile


class InlineWorker:
    """Works when it is told to; it stands where a worker has its recorder and its huey storage."""

    def __init__(self, engine: Engine, profile: Profile, firing: Firing | None) -> None:
        self._engine = engine
        self._profile = profile
        self._firing = firing
        self._store = engine.dedicated()
        self._inflight = InFlight(engine.lease)
        self._turn = Turn(engine, self._inflight, profile, self._store)
        self._turn.give_up()  # a database that does not answer is the test's to hear of
        self._next: UUID | None = None
        self._too_late = threading.Event()
        self.beat()

    def work(self, limit: int) -> list[str]:
        """Work off all that is due and return the names of the step runs; ``RuntimeError`` past ``limit`` of them."""
        executed: list[str] = []
        while True:
            self._sweep()
            before = len(executed)
            self._claim_all(executed, limit)
            if len(executed) == before:
                return executed

    def next_due_in(self) -> timedelta | None:
        """Return how long until something comes due or a schedule ticks, None if nothing ever will."""
        with self._engine.database.transaction() as connection:
            moments = [next_due_in(self._engine.database, connection)]
        if self._firing is not None:
            with self._store.use() as own:
                moments.append(self._firing.fire_due(own))
        return min((moment for moment in moments if moment is not None), default=None)

    def beat(self) -> None:
        """Say that a worker is here, by the clock as it stands now."""
        with self._store.use() as connection:
            beat_presence(self._engine, connection, self._profile)

    def use_registry(self, registry: StepRegistry) -> None:
        """Call the step types of another registry from now on."""
        self._engine = replace(self._engine, executor=replace(self._engine.executor, registry=registry))

    def close(self) -> None:
        """Free the connection and the event loop."""
        self._store.close()
        self._engine.executor.event_loop.close()

    def _sweep(self) -> None:
        with self._store.use() as connection:
            sweep_losses(self._engine, connection)
            sweep_deadlines(self._engine, connection)
            sweep_timeouts(self._engine, connection)
            if self._firing is not None:
                self._firing.fire_due(connection)

    def _claim_all(self, executed: list[str], limit: int) -> None:
        while True:
            result = self._turn.perform([], 1, idle=True)
            if not result.claimed and result.look_in > 0:
                return
            for held in result.claimed:
                self._next = held.id
            while self._next is not None:
                held = self._take()
                executed.append(_name(held))
                if len(executed) > limit:
                    raise RuntimeError(f"no end after {limit} executions, the last ones of {', '.join(executed[-5:])}")
                self._execute(held)

    def _take(self) -> Held:
        assert self._next is not None
        held = self._inflight.get(self._next)
        assert held is not None, "it was claimed, or handed over, just now"
        self._next = None
        return held

    def _execute(self, held: Held) -> None:
        """Execute a step run, telling its callable when its time is over."""
        runner = StepRunner(self._engine, self._inflight, self, self)
        action = held.task.step.action
        if not isinstance(action, Uses) or action.timeout is None:
            runner.run(held.id)
            return
        self._too_late.clear()
        timer = threading.Timer(action.timeout.total_seconds(), self._time_out, [held])
        timer.start()
        try:
            runner.run(held.id)
        finally:
            timer.cancel()
            timer.join()

    def _time_out(self, held: Held) -> None:
        self._too_late.set()  # first: it may return as soon as it is told
        held.signals.cancel()

    @property
    def worker(self) -> str:
        """The name that claims are made under."""
        return self._profile.id

    def submit(self, held: Held, outcome: Outcome) -> Ticket:
        """Record the end of a step; as timed out, if that is what a worker would have said meanwhile."""
        if held.timeout_at is not None and (self._too_late.is_set() or time.monotonic() >= held.timeout_at):
            outcome = timed_out(held.task, self._engine.lease)
        return self.record(held, outcome)

    def record(self, held: Held, outcome: Outcome) -> Ticket:
        """Record the end of a step, whatever it is."""
        ticket = Ticket(held=held, ended=self.plan(held, outcome))
        self._turn.perform([ticket], 0)
        return ticket

    def plan(self, held: Held, outcome: Outcome) -> Ended:
        """Decide; a successor that is due at once is worked at once, whatever lane that is served it is on."""
        return plan_record(held.task, outcome, self._engine.rules, self._turn.lanes.numbers)

    def hand_over(self, id_: UUID) -> None:
        """Take note of the step run to work next."""
        self._next = id_


def _name(held: Held) -> str:
    claim = held.task.claim
    return (
        claim.step if claim.kind is StepRunKind.STEP else f"{claim.step} ({claim.kind.name.lower().replace('_', ' ')})"
    )
