"""From a decision to the record: what is inserted, decremented, handed over."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.model.definition import OnWorkerLost
from squidmesh.model.outcome import Failed, Failure, Lost, Outcome, Released, Succeeded
from squidmesh.model.state import StepStatus
from squidmesh.runtime.recording import Ended, Rules, plan_record
from squidmesh.store.records import Audit, Completion, Decrement
from tests.unit.runtime.claimed import claimed

if TYPE_CHECKING:
    from squidmesh.runtime.preparation import Prepared

RULES = Rules(max_losses=3, on_worker_lost=OnWorkerLost.RETRY)
DONE = Succeeded(output='{"n":1}')
ROUTED = """
work: {uses: t.work, next: {ok: [{when: context.n == 1, to: rest}, {to: other}], error: mend}}
rest: {wait: 5m, next: complete}
other: {uses: t.other, next: complete}
mend: {uses: t.mend, next: complete}
"""
PARALLEL = """
work: {uses: t.work}
side: {uses: t.side}
rest: {wait: 5m, after: [work]}
only: {uses: t.only, after: [work]}
join: {uses: t.join, after: [work, side]}
"""


def planned(task: Prepared, outcome: Outcome, served: tuple[int, ...] = ()) -> tuple[Ended, Completion]:
    """Return the plan and its completion."""
    ended = plan_record(task, outcome, RULES, served)
    assert ended.completion is not None
    return ended, ended.completion


def test_a_routed_successor_is_inserted_and_a_timer_is_due_later():
    """The condition reads the output; a wait is due when it is over, and so is never handed over."""
    ended, completion = planned(claimed(ROUTED, "work"), DONE, served=(1, 2, 3, 4))
    assert completion.insertion is not None
    assert (completion.insertion.step, completion.insertion.delay) == ("rest", timedelta(minutes=5))
    assert (ended.successor, completion.next_token) == (None, None)


def test_a_successor_due_at_once_is_handed_over_where_it_is_served():
    """On a lane of this worker, with a token of its own."""
    task = claimed(ROUTED, "work")
    other = Succeeded(output='{"n":2}')
    lane = task.definition.lane_of("other")
    ended, completion = planned(task, other, served=(lane,))
    assert ended.successor == "other"
    assert completion.next_token is not None
    ended, completion = planned(task, other, served=(lane + 1,))
    assert (ended.successor, completion.next_token) == (None, None)


def test_a_delay_holds_the_successor_back():
    """``Success(delay=…)`` adds to the successor's own."""
    task = claimed(ROUTED, "work")
    later = Succeeded(output='{"n":1}', delay=timedelta(minutes=1))
    _, completion = planned(task, later, served=(1, 2, 3, 4))
    assert completion.insertion is not None
    assert completion.insertion.delay == timedelta(minutes=6)


def test_an_error_route_carries_the_failure_with_its_step():
    """The attempt keeps the error, the run gets it as ``failure`` with step and attempts."""
    failure = Failure(message="m", code="c", details={"a": [1]})
    _, completion = planned(claimed(ROUTED, "work", attempt=4, losses=1), Failed(failure=failure))
    assert completion.status == StepStatus.FAILED
    assert completion.error is not None
    assert json.loads(completion.error)["code"] == "c"
    assert json.loads(completion.failure or "") == {"step": "work", **failure.to_dict(), "attempts": 3}
    assert completion.insertion is not None
    assert completion.insertion.step == "mend"


def test_dependents_are_told_and_one_that_waits_for_nothing_else_is_handed_over():
    """Each has one open dependency less; a join is never handed over, a timer is due later."""
    task = claimed(PARALLEL, "work")
    ended, completion = planned(task, DONE, served=(1, 2, 3, 4, 5))
    assert completion.decrements == (
        Decrement(step="rest", delay=timedelta(minutes=5)),
        Decrement(step="only", delay=timedelta(), chained=True),
        Decrement(step="join", delay=timedelta()),
    )
    assert (ended.successor, completion.next_token is not None) == ("only", True)
    ended, completion = planned(claimed(PARALLEL, "side"), DONE, served=(1, 2, 3, 4, 5))
    assert (ended.successor, [d.chained for d in completion.decrements]) == (None, [False])


def test_a_loss_is_recorded_by_lease_and_audited():
    """A retry that counts the loss, or a failure for good with a way on."""
    lost = (Audit(type="worker_lost"),)
    _, completion = planned(claimed(ROUTED, "work"), Lost())
    assert (completion.status, completion.lost, completion.audits) == ("pending", True, lost)
    _, completion = planned(claimed(ROUTED, "work", attempt=3, losses=2, alone=True), Lost())
    assert (completion.status, completion.lost, completion.audits) == ("failed", True, lost)


def test_what_only_the_slow_path_can_record_is_not_planned():
    """Stops, releases, and everything of a compensation."""
    stop = plan_record(claimed(PARALLEL, "work"), Failed(failure=Failure(message="m", code="c")), RULES)
    assert stop.completion is None
    assert plan_record(claimed(PARALLEL, "work"), Released(), RULES).completion is None
    undo = claimed("work: {uses: t.work, compensate: t.undo}", "work", undo={})
    assert plan_record(undo, DONE, RULES).completion is None
