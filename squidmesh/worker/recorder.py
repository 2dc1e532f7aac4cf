"""The database loop: one thread per process that records what has ended and claims for the idle.

Executing threads never touch the store. They hand in what ended and go on with whatever is there to do; whatever is
handed in while one turn is under way is recorded together by the next, in one statement. What was recorded is something
to do for the threads: to tell of it, and to execute the step that it handed over.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable
from squidmesh.runtime.recording import plan_record
from squidmesh.worker.answers import Answers
from squidmesh.worker.handout import Errand, Handout
from squidmesh.worker.host_tasks import HostTasks
from squidmesh.worker.looks import Looks
from squidmesh.worker.overdue import Overdue
from squidmesh.worker.solitude import Solitude
from squidmesh.worker.stillness import Stillness
from squidmesh.worker.ticket import Gate, Ticket
from squidmesh.worker.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.recording import Ended
    from squidmesh.worker.host_huey import HostHuey
    from squidmesh.worker.inflight import Held, InFlight
    from squidmesh.worker.interruption import Interruption
    from squidmesh.worker.profile import Profile

log = logging.getLogger(__name__)

# A long chain gives way after this many seconds, so that other runs are not starved.
CHAIN_LIMIT = 1.0
_AFTER_AN_ERROR = 0.5
_LAST_ANSWERS = 1.0
# What was handed out is taken in a moment, and short steps end in the same moment: a larger group. What ends, or a
# thread that finds no more to take, cuts the wait short.
_GATHERING = 0.001


class Recorder:
    """The loop, its ``handout`` to the executing threads, and ``hand_in`` or ``submit`` by which they end a step."""

    def __init__(
        self,
        engine: Engine,
        inflight: InFlight,
        profile: Profile,
        huey: HostHuey,
        interruption: Interruption | None = None,
    ) -> None:
        self._engine = engine
        self._inflight = inflight
        self._profile = profile
        self._overdue = Overdue(engine, inflight, interruption)
        self._store = engine.dedicated()
        self._turn = Turn(engine, inflight, profile, self._store)
        self._solitude = Solitude(engine, self._store, self._turn.lanes, window=profile.sweep_interval)
        self._changed = threading.Condition()
        self._submitted: list[Ticket] = []
        self._looks = Looks()
        self._draining = self._closing = self._closed = False
        self._thread = threading.Thread(target=self._run, name="squidmesh-recorder", daemon=True)
        self.handout = Handout(on_idle=self._wake)
        self.answers = Answers(self.handout)
        self.host_tasks = HostTasks(
            huey,
            engine.dedicated(),
            concurrency=profile.concurrency,
            poll_interval=profile.poll_interval,
            on_change=self._wake,
        )
        self._steps_turn = False
        self._reconsidered = True
        self._stillness = Stillness(inflight, self.host_tasks, lambda: self.hint(0.0), awaited=profile.burst)
        self.all_stuck = threading.Event()

    @property
    def nothing_due(self) -> threading.Event:
        """Set when nothing is due and nothing runs."""
        return self._stillness.nothing_due

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

    def hand_in(self, held: Held, outcome: Outcome, tell: Callable[[Ticket], None]) -> bool:
        """Hand in the end of a step; a thread will ``tell`` of it. False if it had timed out and ended before."""
        if not self._inflight.end(held):
            return False
        ticket = Ticket(held=held, ended=self.plan(held, outcome), on_answer=self.answers.give, tell=tell)
        self.handout.reserve()
        self._put(ticket)
        return True

    def record(self, held: Held, outcome: Outcome) -> Ticket:
        """Hand in the end of a step that was said to have ended, and wait until it is recorded."""
        gate = Gate()
        ticket = Ticket(held=held, ended=self.plan(held, outcome), on_answer=gate.open)
        self._put(ticket)
        gate.wait()
        return ticket

    def plan(self, held: Held, outcome: Outcome) -> Ended:
        """Decide, in the thread that executed; a successor is handed over to it while its chain is young."""
        chain = not self._draining and not self._solitude.wanted and time.monotonic() - held.chain_since < CHAIN_LIMIT
        served = self._turn.lanes.numbers if chain else frozenset[int]()
        return plan_record(held.task, outcome, self._engine.rules, served)

    def hint(self, due_in: float) -> None:
        """Look for due steps in ``due_in`` seconds, if not earlier."""
        with self._changed:
            self._looks.hint(due_in)
            self._changed.notify()

    def drain(self) -> list[Held]:
        """Claim nothing and hand nothing over from now on; return what was claimed but not taken."""
        self._draining = True
        untaken: list[Held | None] = []
        for item in self.handout.close():
            match item:
                case Errand.LOOK_FOR_HOST_TASK:
                    self.host_tasks.cancel_look()
                case Ticket():
                    self.answers.tell_aside(item)
                    untaken.append(item.successor)
                case _:
                    untaken.append(self._inflight.get(item))
        return [held for held in untaken if held is not None]

    def look_afresh(self) -> None:
        """Find out whether anything is due, from now on as soon as it can be told: somebody waits for it."""
        self._stillness.doubt()

    def finish(self) -> None:
        """Record what is still handed in, and end the loop then."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def ended(self, within: float) -> bool:
        """Wait for the end of the loop, for ``within`` seconds at most; tell whether it has come."""
        self._thread.join(within)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Give up what is not recorded by now."""
        self._turn.give_up()
        self.ended(within=_LAST_ANSWERS)
        with self._changed:
            self._closed = True
            left, self._submitted = self._submitted, []
        for ticket in left:
            ticket.answer()

    def _wake(self) -> None:
        with self._changed:
            self._reconsidered = False
            self._changed.notify()

    def _put(self, ticket: Ticket) -> None:
        with self._changed:
            if not self._closed:
                self._submitted.append(ticket)
                self._changed.notify()
            else:  # nobody is there to record it: the claim is given back, or its lease passes
                ticket.answer()

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
            if self._changed.wait_for(self._something_to_do, self._patience()):
                self._changed.wait_for(lambda: not self.handout.ready, _GATHERING)
            self._reconsidered = True
            tickets, self._submitted = self._submitted, []
            wanted, look = self._share_out(tickets)
            if wanted:
                self._looks.begin()
        if look and not self.handout.offer([Errand.LOOK_FOR_HOST_TASK]):
            self.host_tasks.cancel_look()
        if self._inflight.stuck() >= self._profile.concurrency:
            self.all_stuck.set()
        late = self._overdue.take()
        if tickets or late or wanted:
            self._exchange([*tickets, *late], wanted)
            self._overdue.recorded(late)
        self._stillness.conclude()

    def _exchange(self, ending: Sequence[Ticket], wanted: int) -> None:
        tasks_ended = self.host_tasks.ended_so_far
        result = self._turn.perform(ending, wanted, idle=self._idle_but(ending))
        self._looks.ended(result.look_in, looked=wanted > 0)
        if result.claimed and not self.handout.offer([held.id for held in result.claimed]):
            self._turn.give_back(result.claimed)
        if untaken := self.answers.take_untaken():
            self._turn.give_back(untaken)
        if ending:
            self._stillness.recorded()
        self._stillness.looked(nothing_due=result.nothing_due, tasks_ended=tasks_ended)

    def _something_to_do(self) -> bool:
        if self._submitted or self._closing or (self._stillness.in_question and not self._reconsidered):
            return True
        return self._may_claim() and time.monotonic() >= self._next_errand()

    def _may_claim(self) -> bool:
        return self.handout.free > 0 and not self._holds_back()

    def _holds_back(self) -> bool:
        """Nothing is claimed while draining, beside a step that runs alone, nor while room is made for one."""
        return self._draining or self._inflight.alone or self._solitude.wanted

    def _idle_but(self, tickets: Sequence[Ticket]) -> bool:
        ending = {ticket.held for ticket in tickets if ticket.ended.successor is None}
        return not self.host_tasks.busy and all(held in ending for held in self._inflight.all())

    def _look_for_solitude(self) -> None:
        try:
            self._solitude.look(busy=len(self._inflight) > 0 or self.host_tasks.busy)
        except DatabaseUnavailable as error:
            log.debug("could not look for steps that are to run alone: %s", error)

    def _next_errand(self) -> float:
        """Return when to look for due steps, or to send a thread for a task of the host."""
        return min(self._looks.next, self.host_tasks.next_look)

    def _patience(self) -> float:
        """Return the seconds until the next look for due steps or the next timeout of an attempt."""
        moments = [time.monotonic() + self._profile.poll_interval]
        if self._may_claim():
            moments.append(self._next_errand())
        timeout_at = self._inflight.next_timeout()
        if timeout_at is not None:
            moments.append(timeout_at)
        return max(min(moments) - time.monotonic(), 0.0)

    def _wanted(self, tickets: Sequence[Ticket]) -> int:
        """Return how many steps to claim: for threads that wait and, with a record under way, for those it frees.

        None beside records that only hand over what follows: what was due was claimed before.
        """
        if self._holds_back():
            return 0
        if all(ticket.hands_over for ticket in tickets) and time.monotonic() < self._looks.next:
            return 0
        return self._spare(tickets)

    def _spare(self, tickets: Sequence[Ticket]) -> int:
        """Return how many threads have nothing to do once the tickets are recorded."""
        freed = sum(1 for ticket in tickets if ticket.ended.successor is None)
        return self.handout.free + freed

    def _share_out(self, tickets: Sequence[Ticket]) -> tuple[int, bool]:
        """Return how many steps to claim, and whether to send a thread to look for a task of the host.

        Steps come first; where one thread is all that there is for both, they take turns.
        """
        wanted = self._wanted(tickets)
        if self._holds_back() or time.monotonic() < self.host_tasks.next_look:
            return wanted, False
        spare = self._spare(tickets)
        if wanted == spare == 1:
            self._steps_turn = not self._steps_turn
        if not spare or (wanted == spare == 1 and self._steps_turn):
            return wanted, False
        self.host_tasks.begin_look()
        return min(wanted, spare - 1), True
