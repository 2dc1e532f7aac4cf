"""Deciding: what becomes of a step and its run for every outcome, in both shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squidmesh.expressions import EvaluationFailed
from squidmesh.model.decision import Advance, Decision, Retry, Stop
from squidmesh.model.definition import OnWorkerLost, Recovery
from squidmesh.model.outcome import Deferred, Failed, Failure, Lost, Outcome, Released, Skipped, Succeeded
from squidmesh.model.state import StepStatus
from squidmesh.runtime.progression import FAILED_BY_ROUTE, WORKER_LOST, Situation, decide
from tests.unit.runtime.claimed import workflow

BROKEN = Failure(message="broken", code="broken")
BUSY = Failure(message="busy", code="busy", retryable=True)
EARLIER = Failure(message="earlier", code="earlier")
DONE = Succeeded(output="{}", delay=timedelta(seconds=7))

ROUTED = workflow("""
work:
  uses: t.work
  retry: {max_attempts: 3, backoff: {type: constant, min: 9s, jitter: false}}
  next: {ok: [{when: payload.a, to: one}, {when: payload.b, to: complete}, {when: payload.c, to: fail}],
         error: [{when: payload.x, to: mend, recovery: undo}, {when: payload.y, to: fail}]}
bare: {uses: t.work, next: one}
one: {uses: t.work, next: work}
mend: {uses: t.work, next: bare}
""")
PARALLEL = workflow("""
a: {uses: t.work}
b: {uses: t.work, allow_failure: true}
c: {uses: t.work, after: [a, b], on_worker_lost: fail}
""")


def decided(outcome: Outcome, step: str = "work", *, holds: tuple[str, ...] = (), **situation: Any) -> Decision:
    """Return the decision on a routed step where the conditions in ``holds`` are true."""
    values = {"attempt": 1, "losses": 0, "holds": lambda text: text in holds} | situation
    return decide(ROUTED, step, outcome, Situation(**values))


def parallel(outcome: Outcome, step: str, **situation: Any) -> Decision:
    """Return the decision on a step of a dependency-based run."""
    values = {"attempt": 1, "losses": 0, "holds": lambda text: False} | situation
    return decide(PARALLEL, step, outcome, Situation(**values))


def test_the_first_transition_that_holds_is_taken():
    """In order of the file; the delay of the outcome goes with it, and the decision keeps the transition chosen."""
    delay = timedelta(seconds=7)
    first, second, _ = ROUTED.steps["work"].next.ok
    both = decided(DONE, holds=("payload.a", "payload.b"))
    assert both == Advance(status=StepStatus.COMPLETED, enter="one", chosen=first, delay=delay)
    assert decided(DONE, holds=("payload.b",)) == Advance(
        status=StepStatus.COMPLETED, enter=None, chosen=second, delay=delay
    )
    assert decided(Skipped(reason=""), "bare") == Advance(status=StepStatus.SKIPPED, enter="one")


def test_a_route_to_fail_stops_for_the_failure_that_led_there():
    """An earlier one of the run, else failed_by_route; the step itself is completed."""
    assert decided(DONE, holds=("payload.c",)) == Stop(status=StepStatus.COMPLETED, failure=FAILED_BY_ROUTE)
    assert decided(DONE, holds=("payload.c",), failure=EARLIER) == Stop(
        status=StepStatus.COMPLETED, failure=EARLIER, earlier=True
    )
    assert decided(Failed(failure=BROKEN), holds=("payload.y",), failure=EARLIER) == Stop(
        status=StepStatus.FAILED, failure=BROKEN
    )


@pytest.mark.parametrize(
    ("outcome", "status"), [(DONE, StepStatus.COMPLETED), (Failed(failure=BROKEN), StepStatus.FAILED)]
)
def test_no_transition_that_holds_stops_the_run(outcome: Outcome, status: StepStatus):
    """As no_route, with what it was about; the step ends as it ended."""
    found = decided(outcome)
    assert isinstance(found, Stop)
    assert (found.status, found.failure.code, found.failure.retryable) == (status, "no_route", False)
    assert (found.failure.details is not None) == (status is StepStatus.FAILED)


def test_a_transition_without_a_truth_value_stops_the_run():
    """As expression_failed; the transitions behind it are not tried."""

    def holds(text: str) -> bool:
        raise EvaluationFailed(f"no such key: {text}")

    found = decide(ROUTED, "work", DONE, Situation(attempt=1, losses=0, holds=holds))
    assert isinstance(found, Stop)
    assert (found.status, found.failure.code) == (StepStatus.COMPLETED, "expression_failed")
    assert "payload.a" in found.failure.message


@pytest.mark.parametrize(
    ("attempt", "losses", "again"), [(1, 0, True), (2, 0, True), (3, 0, False), (5, 2, False), (4, 2, True)]
)
def test_retries_are_counted_without_losses(attempt: int, losses: int, again: bool):
    """Up to ``max_attempts`` tries, however often the worker was lost meanwhile."""
    found = decided(Failed(failure=BUSY), attempt=attempt, losses=losses, holds=("payload.x",))
    if again:
        assert found == Retry(failure=BUSY, delay=timedelta(seconds=9))
    else:
        mend = ROUTED.steps["work"].next.error[0]
        assert found == Advance(
            status=StepStatus.FAILED, enter="mend", failure=BUSY, recovery=Recovery.UNDO, chosen=mend
        )


def test_the_step_may_say_when():
    """A delay of the outcome replaces the backoff, zero too."""
    for seconds in (0, 90):
        delay = timedelta(seconds=seconds)
        assert decided(Failed(failure=BUSY, delay=delay)) == Retry(failure=BUSY, delay=delay)


def test_a_failure_for_good_is_never_retried():
    """Straight to the error route, or the run stops."""
    assert isinstance(decided(Failed(failure=BROKEN), holds=("payload.x",)), Advance)
    assert decided(Failed(failure=BROKEN), "bare") == Stop(status=StepStatus.FAILED, failure=BROKEN)
    assert parallel(Failed(failure=BROKEN), "a") == Stop(status=StepStatus.FAILED, failure=BROKEN)
    assert parallel(Failed(failure=BROKEN), "b") == Advance(status=StepStatus.FAILED, alive=True)


def test_a_join_counts_what_was_skipped_as_not_alive():
    """Completed and allowed to fail are alive, skipped is not."""
    assert parallel(Skipped(reason=""), "a") == Advance(status=StepStatus.SKIPPED, alive=False)
    assert parallel(DONE, "a") == Advance(status=StepStatus.COMPLETED, alive=True, delay=timedelta(seconds=7))


def test_losses_have_their_own_limit():
    """Again after 1 s and 4 s, then, lost alone, failed as worker_lost, like any failure for good."""
    assert parallel(Lost(), "a") == Retry(failure=WORKER_LOST, delay=timedelta(seconds=1), lost=True)
    assert parallel(Lost(), "a", attempt=2, losses=1) == Retry(
        failure=WORKER_LOST, delay=timedelta(seconds=4), lost=True
    )
    alone = {"attempt": 3, "losses": 2, "alone": True}
    assert parallel(Lost(), "a", **alone) == Stop(status=StepStatus.FAILED, failure=WORKER_LOST)
    assert parallel(Lost(), "b", **alone) == Advance(status=StepStatus.FAILED)


def test_a_loss_in_company_exhausts_nothing():
    """It may have been a neighbour's doing."""
    again = parallel(Lost(), "a", attempt=3, losses=2, alone=False)
    assert again == Retry(failure=WORKER_LOST, delay=timedelta(seconds=16), lost=True)


def test_who_decides_about_losses():
    """The step's own ``on_worker_lost`` before the setting, once its call has begun."""
    assert isinstance(parallel(Lost(), "c", begun=True), Stop)
    assert isinstance(parallel(Lost(), "c"), Retry)
    assert isinstance(parallel(Lost(), "a", on_worker_lost=OnWorkerLost.FAIL, begun=True), Stop)
    assert isinstance(parallel(Lost(), "a", on_worker_lost=OnWorkerLost.FAIL), Retry)


@pytest.mark.parametrize("outcome", [Released(), Deferred(delay=timedelta())])
def test_a_claim_given_back_is_no_decision(outcome: Outcome):
    """Asking is a mistake of ours."""
    with pytest.raises(ValueError, match="decides nothing"):
        decided(outcome)
