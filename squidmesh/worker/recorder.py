"""The database loop: one thread per process that records what has ended and claims for the idle.

Executing threads never touch the store. They hand in what ended and wait for the answer; whatever is
handed in while one turn is under way is recorded together by the next, in one statement.
"""

from __future__ import annotations

import bisect
import logging
import threading
import time
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable
from squidmesh.runtime.outcomes import timed_out
from squidmesh.runtime.recording import plan_record
from squidmesh.runtime.reporting import report_ended
from squidmesh.worker.handout import Handout
from squidmesh.worker.solitude import Solitude
from squidmesh.worker.ticket import Ticket
from squidmesh.worker.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.recording import Ended
    from squidmesh.worker.inflight import Held, InFlight
    from squidmesh.worker.profile import Profile

log = logging.getLogger(__name__)

# A long chain gives way after this many seconds, so that other runs are not starved.
CHAIN_LIMIT = 1.0
_AFTER_AN_ERROR = 0.5


class Recorder:
    """The loop, its ``handout`` to the executing threads, and ``submit`` by which they hand in what ended."""

    def __init__(self, engine: Engine, inflight: InFlight, profile: Profile) -> None:
        self._engine = engine
        self._inflight = inflight
        self._profile = profile
        self._store = engine.dedicated()
        self._turn = Turn(engine, inflight, profile, self._store)
        self._solitude = Solitude(engine, self._store, self._turn.lanes, window=profile.sweep_interval)
        self._changed = threading.Condition()
        self._submitted: list[Ticket] = []
        self._look_at = 0.0
        self._hints: list[float] = []  # in order
        self._draining = False
        self._closing = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="squidmesh-recorder", daemon=True)
        self.handout = Handout(on_idle=self._wake)
        self.nothing_due = threading.Event()
        self.all_stuck = threading.Event()

    @property
    def worker(self) -> str:
        """The name under which this process claims and records."""
        return self._profile.id

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()

    def submit(self, held: Held, outcome: Outcome) -> Ticket | None:
        """Hand in the end of a step and wait until it is recorded; None if it had timed out and ended before."""
        return self.record(held, outcome) if self._inflight.end(held) else None

    def record(self, held: Held, outcome: Outcome) -> Ticket:
        """Hand in the end of a step that was said to have ended, and wait until it is recorded."""
        ticket = Ticket(held=held, ended=self.plan(held, outcome))
        self._put(ticket)
        ticket.wait()
        return ticket

    def plan(self, held: Held, outcome: Outcome) -> Ended:
        """Decide, in the thread that executed; a successor is handed over to it while its chain is young."""
        chain = not self._draining and not self._solitude.wanted and time.monotonic() - held.chain_since < CHAIN_LIMIT
        served = self._turn.lanes.numbers if chain else frozenset[int]()
        return plan_record(held.task, outcome, self._engine.rules, served)

    def hint(self, due_in: float) -> None:
        """Look for due steps in ``due_in`` seconds, if not earlier."""
        now = time.monotonic()
        with self._changed:
            bisect.insort(self._hints, now + due_in)
            del self._hints[: max(bisect.bisect(self._hints, now) - 1, 0)]  # of those that are due, one is enough
            self._changed.notify()

    def drain(self) -> list[Held]:
        """Claim nothing and hand nothing over from now on; return what was claimed but not taken."""
        self._draining = True
        return [held for id_ in self.handout.close() if (held := self._inflight.get(id_)) is not None]

    def close(self, timeout: float) -> None:
        """Record what is still handed in and end the loop, waiting at most ``timeout`` seconds for it."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        self._turn.give_up()
        with self._changed:
            self._closed = True
            left, self._submitted = self._submitted, []
        for ticket in left:
            ticket.answer()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _put(self, ticket: Ticket) -> None:
        with self._changed:
            if self._closed:  # nobody is there to record it: the claim is given back, or its lease passes
                ticket.answer()
                return
            self._submitted.append(ticket)
            self._changed.notify()

    def _run(self) -> None:
        while not (self._closing and not self._submitted):
            try:
                self._step()
            except Exception:
                log.exception("the database loop met an error and goes on")
                time.sleep(_AFTER_AN_ERROR)
        self._store.close()

    def _step(self) -> None:
        self._look_for_solitude()
        with self._changed:
            self._changed.wait_for(self._something_to_do, self._patience())
            tickets, self._submitted = self._submitted, []
            wanted = self._wanted(tickets)
            if wanted:
                del self._hints[: bisect.bisect(self._hints, time.monotonic())]
        if self._inflight.stuck() >= self._profile.concurrency:
            self.all_stuck.set()
        late = [self._plan_timed_out(held) for held in self._inflight.take_timed_out()]
        if not tickets and not late and not wanted:
            return
        ending = [*tickets, *late]
        result = self._turn.perform(ending, wanted, idle=self._idle_but(ending))
        look_at = time.monotonic() + result.look_in
        self._look_at = look_at if wanted else min(self._look_at, look_at)
        if result.claimed and not self.handout.offer([held.id for held in result.claimed]):
            self._turn.give_back(result.claimed)
        self._report_late(late)
        if result.nothing_due and not len(self._inflight):
            self.nothing_due.set()

    def _something_to_do(self) -> bool:
        return bool(self._submitted) or self._closing or (self._may_claim() and time.monotonic() >= self._next_look())

    def _may_claim(self) -> bool:
        return not self._draining and self.handout.free > 0 and not self._holds_back()

    def _holds_back(self) -> bool:
        """Nothing is claimed beside a step that runs alone, nor while room is made for one."""
        return self._inflight.alone or self._solitude.wanted

    def _idle_but(self, tickets: Sequence[Ticket]) -> bool:
        ending = {ticket.held for ticket in tickets if ticket.ended.successor is None}
        return all(held in ending for held in self._inflight.all())

    def _look_for_solitude(self) -> None:
        try:
            self._solitude.look(busy=len(self._inflight) > 0)
        except DatabaseUnavailable as error:
            log.debug("could not look for steps that are to run alone: %s", error)

    def _next_look(self) -> float:
        return min(self._look_at, self._hints[0]) if self._hints else self._look_at

    def _patience(self) -> float:
        """Return the seconds until the next look for due steps or the next timeout of an attempt."""
        moments = [time.monotonic() + self._profile.poll_interval]
        if self._may_claim():
            moments.append(self._next_look())
        timeout_at = self._inflight.next_timeout()
        if timeout_at is not None:
            moments.append(timeout_at)
        return max(min(moments) - time.monotonic(), 0.0)

    def _wanted(self, tickets: Sequence[Ticket]) -> int:
        """Return how many steps to claim: for threads that wait and, with a record under way, for those it frees.

        None beside records that only hand over what follows: what was due was claimed before.
        """
        if self._draining or self._holds_back():
            return 0
        if all(ticket.hands_over for ticket in tickets) and time.monotonic() < self._next_look():
            return 0
        freed = sum(1 for ticket in tickets if ticket.ended.successor is None)
        return self.handout.free + freed

    def _plan_timed_out(self, held: Held) -> Ticket:
        """End an attempt whose callable goes on; an ``async`` one is cancelled."""
        held.signals.cancel()
        outcome = timed_out(held.task, self._engine.lease)
        return Ticket(held=held, ended=plan_record(held.task, outcome, self._engine.rules))

    def _report_late(self, late: Sequence[Ticket]) -> None:
        """Tell of attempts that timed out: their own threads are busy, and callbacks must not hold up the loop."""
        for ticket in late:
            threading.Thread(
                target=report_ended,
                args=(
                    self._engine.events,
                    ticket.ended,
                    ticket.recorded,
                    ticket.settled,
                    time.monotonic() - ticket.held.began,
                ),
                name="squidmesh-report",
                daemon=True,
            ).start()
