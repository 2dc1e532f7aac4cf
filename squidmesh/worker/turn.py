"""One turn of the database loop: an exchange, repeated until the database answers, and its consequences."""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from squidmesh.errors import DatabaseUnavailable, StatementRefused
from squidmesh.model.identity import new_token
from squidmesh.runtime.dispatch import Exchange, exchange, record_alone
from squidmesh.runtime.lanes import ServedLanes
from squidmesh.runtime.outcomes import unrecordable
from squidmesh.runtime.preparation import prepare_readable
from squidmesh.runtime.recall import recall
from squidmesh.runtime.recording import plan_record, prepare_successor
from squidmesh.runtime.recovery import release_claims, set_aside, strays_of_worker
from squidmesh.runtime.settlement import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from squidmesh.model.claim import Claim
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.runtime.recall import Recalled
    from squidmesh.runtime.recording import Ended
    from squidmesh.runtime.settlement import Settled
    from squidmesh.store.dedicated import Dedicated
    from squidmesh.store.records import Completion, Recorded
    from squidmesh.worker.inflight import Held, InFlight
    from squidmesh.worker.profile import Profile
    from squidmesh.worker.ticket import Ticket

log = logging.getLogger(__name__)
T = TypeVar("T")
_FIRST_BACKOFF = 0.1
_LONGEST_BACKOFF = 5.0
_LONGEST_PATIENCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """What a turn claimed, and in how many seconds to look for more (0: at once, infinite: that it cannot tell)."""

    claimed: list[Held]
    look_in: float
    nothing_due: bool


class Turn:
    """Performs turns on one connection; used by the loop's thread alone, but for ``give_up``."""

    def __init__(self, engine: Engine, inflight: InFlight, profile: Profile, store: Dedicated) -> None:
        self._engine = engine
        self._inflight = inflight
        self._profile = profile
        self._store = store
        self._was_cut_off = False
        self._given_up = threading.Event()
        self._asked_at = 0.0
        self._fruitless = 0
        self.lanes = ServedLanes(engine.database, profile.queues, profile.step_types)

    def give_up(self) -> None:
        """Wait for an unreachable database no longer."""
        self._given_up.set()

    def perform(self, tickets: Sequence[Ticket], wanted: int, *, idle: bool = False) -> TurnResult:
        """Record what the tickets hand in and claim up to ``wanted`` step runs; in any case answer the tickets.

        In an ``idle`` process, which has nothing in flight but the tickets, the claim may be one that is to be
        alone; therefore it is one.
        """
        try:
            return self._perform(tickets, wanted, idle=idle)
        finally:
            for ticket in tickets:
                if not ticket.answered:  # its lease runs out, and the sweep gives the step to somebody
                    self._close(ticket)

    def _perform(self, tickets: Sequence[Ticket], wanted: int, *, idle: bool) -> TurnResult:
        completions = [ticket.ended.completion for ticket in tickets if ticket.ended.completion is not None]
        if wanted:
            self._until_answered(self.lanes.load)
        solo = idle and bool(self.lanes.solo)
        wanted = min(wanted, 1) if solo else wanted
        try:
            answer = self._until_answered(lambda: self._exchange(completions, wanted, solo))
        except StatementRefused:
            log.exception("a group of %d completions was refused; each is recorded alone", len(completions))
            answer = Exchange(recorded=self._record_each(tickets))
        if self._was_cut_off:
            answer = self._recall(tickets, answer)
        self._answer(tickets, answer)
        claimed = self._hold(answer)
        if self._was_cut_off:
            self._was_cut_off = False
            self._until_answered(self._release_strays)
        return self._result(tickets, answer, wanted, claimed)

    def _exchange(self, completions: Sequence[Completion], wanted: int, solo: bool) -> Exchange:
        """Exchange once; claims get new tokens each time, so that those of an exchange cut off are nobody's."""
        tokens = [new_token() for _ in range(wanted)]
        request = self.lanes.request(tokens, self._profile.id, self._engine.lease, solo=solo)
        self._asked_at = time.monotonic()
        with self._store.use() as connection:
            return exchange(self._engine.database, connection, completions, request, self._engine.lease)

    def _recall(self, tickets: Sequence[Ticket], answer: Exchange) -> Exchange:
        """Add what an exchange that was cut off has recorded all the same."""
        found = self._recalled([ticket for ticket in tickets if ticket.held.id not in answer.recorded])
        return replace(answer, recorded=answer.recorded | {id_: item.recorded for id_, item in found.items()})

    def _recalled(self, tickets: Sequence[Ticket]) -> dict[UUID, Recalled]:
        return self._until_answered(lambda: self._recall_once([ticket.ended for ticket in tickets]))

    def _recall_once(self, ends: Sequence[Ended]) -> dict[UUID, Recalled]:
        self._asked_at = time.monotonic()
        with self._store.use() as connection:
            return recall(self._engine, connection, ends, self._profile.id)

    def _until_answered(self, call: Callable[[], T]) -> T:
        """Repeat a call while the database cannot be reached; its tokens make the repetition safe."""
        backoff = _FIRST_BACKOFF
        while True:
            try:
                return call()
            except StatementRefused:
                raise
            except DatabaseUnavailable as error:
                log.warning("trying again in %.1f s: %s", backoff, error)
                self._was_cut_off = True
                if self._given_up.wait(backoff):
                    raise
                backoff = min(backoff * 2, _LONGEST_BACKOFF)

    def _record_each(self, tickets: Sequence[Ticket]) -> dict[UUID, Recorded]:
        """Record each ticket alone; a result that the database refuses becomes a failure that it accepts."""
        answers = {}
        for ticket in tickets:
            recorded = None
            try:
                recorded = self._record_alone(ticket.ended.completion)
            except StatementRefused as refusal:
                log.exception("the end of step run %s was refused", ticket.held.id)
                ticket.ended = plan_record(ticket.held.task, unrecordable(str(refusal)), self._engine.rules)
                with suppress(StatementRefused):  # the slow path refuses it too, and its lease runs out
                    recorded = self._record_alone(ticket.ended.completion)
            if recorded is not None:
                answers[recorded.id] = recorded
        return answers

    def _record_alone(self, completion: Completion | None) -> Recorded | None:
        if completion is None:
            return None
        return self._until_answered(partial(self._record_once, completion))

    def _record_once(self, completion: Completion) -> Recorded | None:
        self._asked_at = time.monotonic()
        with self._store.use() as connection:
            return record_alone(self._engine.database, connection, completion, self._engine.lease)

    def _answer(self, tickets: Sequence[Ticket], answer: Exchange) -> None:
        """Answer the recorded tickets first: the slow path of the others must not hold them up."""
        slow = []
        for ticket in tickets:
            ticket.recorded = answer.recorded.get(ticket.held.id) if ticket.ended.completion else None
            if ticket.recorded is None:
                slow.append(ticket)
                continue
            successor = prepare_successor(ticket.ended, ticket.recorded)
            if successor is not None:
                chain_since = ticket.held.chain_since
                ticket.successor = self._inflight.add(successor, claimed_at=self._asked_at, chain_since=chain_since)
            self._close(ticket)
        for ticket in slow:
            try:
                ticket.settled = self._settle(ticket)
            except Exception as error:
                if isinstance(error, DatabaseUnavailable) and not isinstance(error, StatementRefused):
                    raise
                log.exception("the end of step run %s was not recorded", ticket.held.id)
            self._close(ticket)

    def _close(self, ticket: Ticket) -> None:
        self._inflight.remove(ticket.held)
        ticket.answer()

    def _settle(self, ticket: Ticket) -> Settled | None:
        """Take the slow path; where an answer did not come, the row tells what was written."""
        settled = self._settle_or_fail(ticket)
        if settled is None and ticket.recorded is None and self._was_cut_off:
            recalled = self._recalled([ticket]).get(ticket.held.id)
            return recalled.settled if recalled is not None else None
        return settled

    def _settle_or_fail(self, ticket: Ticket) -> Settled | None:
        """Take the slow path; an end that the database refuses becomes a failure that it accepts."""
        database, rules, task = self._engine.database, self._engine.rules, ticket.held.task
        try:
            return self._until_answered(lambda: settle(database, task, ticket.ended.outcome, rules))
        except StatementRefused as refusal:
            log.exception("the end of step %s of run %s was refused", task.claim.step, task.claim.run.id)
            ticket.ended = plan_record(task, unrecordable(str(refusal)), rules)
        ticket.recorded = self._record_alone(ticket.ended.completion)
        if ticket.recorded is not None:
            return None
        return self._until_answered(lambda: settle(database, task, ticket.ended.outcome, rules))

    def _hold(self, answer: Exchange) -> list[Held]:
        if answer.claimed is None or not answer.claimed.claims:
            return []
        claims, claimed_at = answer.claimed.claims, self._asked_at
        tasks, unreadable = self._until_answered(lambda: self._prepare(claims))
        for claim in unreadable:
            self._until_answered(partial(set_aside, self._engine, claim))
        return [self._inflight.add(task, claimed_at=claimed_at) for task in tasks]

    def _prepare(self, claims: Sequence[Claim]) -> tuple[list[Prepared], list[Claim]]:
        with self._store.use() as connection:
            return prepare_readable(self._engine.database, connection, self._engine.definitions, claims)

    def _release_strays(self) -> None:
        """Give back what was claimed in our name by an exchange whose answer never came."""
        with self._store.use() as connection:
            strays = strays_of_worker(self._engine, connection, self._profile.id, self._inflight.tokens)
        release_claims(self._engine, strays, timedelta())

    def give_back(self, held: Sequence[Held]) -> None:
        """Give back claims that came too late to be executed."""
        for item in held:
            self._inflight.remove(item)
        self._until_answered(lambda: release_claims(self._engine, [item.task for item in held], timedelta()))

    def _result(self, tickets: Sequence[Ticket], answer: Exchange, wanted: int, claimed: list[Held]) -> TurnResult:
        self._announce(tickets, answer, wanted)
        if answer.claimed is None:
            settled = any(ticket.settled for ticket in tickets)
            return TurnResult(claimed=claimed, look_in=0.0 if settled else math.inf, nothing_due=False)
        self.lanes.seen(answer.claimed.newest_lane, answer.claimed.queues_changed)
        taken = len(answer.claimed.claims)
        self._fruitless = self._fruitless + 1 if answer.claimed.contended and not taken else 0
        more = answer.claimed.contended or taken == wanted or not self.lanes.fresh
        nothing_due = not taken and not more and not tickets
        if more or any(ticket.settled for ticket in tickets):
            return TurnResult(claimed=claimed, look_in=self._patience(), nothing_due=nothing_due)
        moments = [self._profile.poll_interval, *_delays(tickets)]
        if answer.claimed.next_in is not None:
            moments.append(max(answer.claimed.next_in.total_seconds(), 0.0))
        return TurnResult(claimed=claimed, look_in=min(moments), nothing_due=nothing_due)

    def _patience(self) -> float:
        """Return when to look again for rows that others hold locked: at once at first, then less and less often."""
        return min(0.001 * 2 ** min(self._fruitless - 1, 10), _LONGEST_PATIENCE) if self._fruitless > 1 else 0.0

    def _announce(self, tickets: Sequence[Ticket], answer: Exchange, wanted: int) -> None:
        """Tell other processes what is due that this one did not take."""
        left_over = answer.claimed is None or len(answer.claimed.claims) == wanted
        made_due = any(ticket.settled or (ticket.recorded and ticket.recorded.made_due) for ticket in tickets)
        if made_due and left_over:
            self._engine.notifier.announce(timedelta())
        for delay in _delays(tickets):
            self._engine.notifier.announce(timedelta(seconds=delay))


def _delays(tickets: Sequence[Ticket]) -> list[float]:
    """Return in how many seconds the rows that the tickets scheduled for later are due."""
    found = []
    for ticket in tickets:
        completion = ticket.ended.completion
        if completion is None:
            continue
        later = [completion.delay, *(item.delay for item in completion.decrements)]
        if completion.insertion is not None:
            later.append(completion.insertion.delay)
        found += [delay.total_seconds() for delay in later if delay]
    return found
