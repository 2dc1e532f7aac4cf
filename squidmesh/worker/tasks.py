"""The huey task that executes one claimed step run; each step, chained ones too, is a task of its own."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from squidmesh.errors import DatabaseUnavailable
from squidmesh.model.definition import Uses
from squidmesh.observability.execution import executing
from squidmesh.observability.observed import Observed
from squidmesh.runtime.outcomes import timed_out
from squidmesh.runtime.recording import attempt_failure, prepare_successor
from squidmesh.runtime.recovery import release_claims
from squidmesh.runtime.reporting import RELEASED, TIMED_OUT, logged, name_ending, report_ended, report_started
from squidmesh.runtime.transactions import Committed, execute_in_transaction, is_transactional
from squidmesh.worker.step_huey import StepHuey
from squidmesh.worker.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.recording import Ended
    from squidmesh.worker.host_huey import HostHuey
    from squidmesh.worker.inflight import Held, InFlight
    from squidmesh.worker.recorder import Recorder

log = logging.getLogger(__name__)
_AFTER_DECLINE = timedelta(seconds=1)


def make_huey(engine: Engine, inflight: InFlight, recorder: Recorder, host: HostHuey) -> StepHuey:
    """Return the ``Huey`` of a worker, with the task that executes a step registered."""

    def decline(id_: UUID) -> None:
        runner.decline(id_)

    def give_back(held: Held) -> None:
        runner.give_back(held, timedelta())

    huey = StepHuey(host, recorder.host_tasks, recorder.handout, decline=decline, give_back=give_back)
    runner = StepRunner(
        engine, inflight, recorder, huey.storage, hand_in=recorder.hand_in, is_heard=lambda: huey.is_heard
    )

    def run_step(step_run_id: str) -> None:
        runner.run(UUID(step_run_id))

    huey.task()(run_step)  # huey names a task by its module and function: see storage.TASK
    return huey


class TakesEnds(Protocol):
    """Where the end of a step is handed in: the recorder, or who stands for it."""

    @property
    def worker(self) -> str: ...  # noqa: D102 - the recorder's says it

    def submit(self, held: Held, outcome: Outcome) -> Ticket | None: ...  # noqa: D102 - the recorder's says it

    def record(self, held: Held, outcome: Outcome) -> Ticket: ...  # noqa: D102 - the recorder's says it

    def plan(self, held: Held, outcome: Outcome) -> Ended: ...  # noqa: D102 - the recorder's says it


class TakesSuccessors(Protocol):
    """Where a successor is handed over to the calling thread: huey's storage, or who stands for it."""

    def hand_over(self, id_: UUID) -> None: ...  # noqa: D102 - the storage's says it


class StepRunner:
    """Executes a step run that this process holds, and hands its end in.

    The thread goes on as soon as it has (``hand_in``), unless somebody is told by the thread itself: huey's hooks and
    signals (``is_heard``), and spans, which are the current ones of their thread until their end is known. It waits
    for a step with a transaction of its own, too.
    """

    def __init__(
        self,
        engine: Engine,
        inflight: InFlight,
        recorder: TakesEnds,
        storage: TakesSuccessors,
        *,
        hand_in: Callable[[Held, Outcome, Callable[[Ticket], None]], bool] | None = None,
        is_heard: Callable[[], bool] = lambda: True,
    ) -> None:
        self._hand_in = hand_in
        self._is_heard = is_heard
        self._engine = engine
        self._inflight = inflight
        self._recorder = recorder
        self._storage = storage

    def run(self, id_: UUID) -> None:
        """Execute a step run; a successor that was handed over is this thread's next task."""
        held = self._inflight.get(id_)
        if held is None or not self._may_start(held):
            return
        try:
            with Observed(self._engine, held.task) as observed:
                self._execute(held, observed)
        except BaseException:
            self._inflight.remove(held)  # nobody executes it: its lease runs out, and the sweep finds it
            raise
        finally:
            self._inflight.returned(held)

    def decline(self, id_: UUID) -> None:
        """Give a step back that a hook does not let execute: it is due again in a second, its attempt not counted."""
        held = self._inflight.get(id_)
        if held is None:
            return
        log.warning("step %s is put off: a hook of huey cancelled it", held.task.claim.step, extra=logged(held.task))
        self.give_back(held, _AFTER_DECLINE)

    def give_back(self, held: Held, delay: timedelta) -> None:
        """Give a step back that was not begun: it is due again after ``delay``, its attempt not counted."""
        self._inflight.remove(held)
        try:
            release_claims(self._engine, [held.task], delay)
        except DatabaseUnavailable as error:
            log.warning("step %s waits for its lease: %s", held.task.claim.step, error)

    def _may_start(self, held: Held) -> bool:
        """Past its lease a claim may be another's by now: start nothing, the sweep gives the step to somebody."""
        if held.signals.lost or time.monotonic() >= held.lease_until:
            log.warning(
                "claim_lost: step %s was not started, its lease had passed",
                held.task.claim.step,
                extra=logged(held.task),
            )
            self._inflight.remove(held)
            return False
        return True

    def _execute(self, held: Held, observed: Observed) -> None:
        action = held.task.step.action
        report_started(self._engine.events, held.task)
        held.began = began = time.monotonic()
        if isinstance(action, Uses) and action.timeout is not None and held.task.undo is None:
            held.timeout_at = began + action.timeout.total_seconds()
        if is_transactional(self._engine, held.task):
            ticket = self._transact(held, observed)
            held.took = time.monotonic() - began
        else:
            outcome = self._engine.executor.execute(held.task, held.signals)
            held.took = time.monotonic() - began
            observed.returned(outcome)
            hand_in = None if observed.traced or self._is_heard() else self._hand_in
            if hand_in is not None and hand_in(held, outcome, self.tell):
                return
            ticket = self._recorder.submit(held, outcome)
        if ticket is None:
            log.warning("the result of step %s came after its timeout and is refused", held.task.claim.step)
            self._observe_refused(held, observed)
            return
        if ticket.successor is not None:
            self._storage.hand_over(ticket.successor.id)
        observed.ended(
            name_ending(ticket.ended, ticket.recorded, ticket.settled), attempt_failure(ticket.ended.outcome)
        )
        self._report(ticket)

    def tell(self, ticket: Ticket) -> None:
        """Tell what became of an end that was handed in."""
        with executing(logged(ticket.held.task)):
            self._report(ticket)

    def _report(self, ticket: Ticket) -> None:
        report_ended(self._engine.events, ticket.ended, ticket.recorded, ticket.settled, ticket.held.took)

    def _plan(self, held: Held, outcome: Outcome) -> Ended:
        """Plan a record of this thread's own; between its commit and its answer the successor is no stray."""
        ended = self._recorder.plan(held, outcome)
        if ended.completion is not None and ended.completion.next_token is not None:
            self._inflight.expect(held, ended.completion.next_token)
        return ended

    def _observe_refused(self, held: Held, observed: Observed) -> None:
        """Tell of an attempt that was ended from outside: it had timed out, or this process stops."""
        if held.timeout_at is None:
            observed.ended(RELEASED)
        else:
            observed.ended(TIMED_OUT, timed_out(held.task, self._engine.lease).failure)

    def _transact(self, held: Held, observed: Observed) -> Ticket | None:
        """Execute a step in its own transaction; what that did not record is handed in as ever."""
        try:
            ending = execute_in_transaction(
                self._engine,
                held.task,
                held.signals,
                worker=self._recorder.worker,
                end=lambda: self._inflight.end(held),
                plan=lambda outcome: self._plan(held, outcome),
            )
            if isinstance(ending, Committed):
                return self._take_up(held, ending)
        finally:
            self._inflight.forget(held)
        if ending is None:
            return None
        observed.returned(ending)
        return self._recorder.record(held, ending)

    def _take_up(self, held: Held, ending: Committed) -> Ticket:
        """Let go of a step that its transaction recorded, and hold its successor."""
        ticket = Ticket(held=held, ended=ending.ended, recorded=ending.recorded, settled=ending.settled)
        successor = prepare_successor(ending.ended, ending.recorded) if ending.recorded is not None else None
        if successor is not None:
            ticket.successor = self._inflight.add(successor, claimed_at=ending.began, chain_since=held.chain_since)
        self._inflight.remove(held)
        if ending.settled or (ending.recorded and ending.recorded.made_due):
            self._engine.notifier.announce(timedelta())
        return ticket
