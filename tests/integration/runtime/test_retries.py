"""Retries and error routes: attempts counted, failures readable, recovery steps entered."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh import RetryStep, StepFailed
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from tests.integration.bench import Bench

RETRIES = """
workflow: shop.retry
triggers: {by_hand: {manual: {}}}
steps:
  call:
    uses: t.call
    retry: {max_attempts: 3, backoff: {type: constant, min: 10s, jitter: false}}
    next: {ok: complete, error: [{when: "failure.code == 'broken'", to: mend, recovery: compensation}, {to: other}]}
  mend: {uses: t.mend, next: complete}
  other: {uses: t.mend, next: complete}
"""


def test_a_retry_counts_and_shows(bench: Bench):
    """A failed attempt leaves the run retrying, with the error; a claim shows it running, success clears it."""
    mesh = bench.mesh(RETRIES, {"t.call": nothing, "t.mend": nothing})
    run = mesh.start_run("shop.retry")
    worker = bench.worker(mesh)
    worker.step(failed(retryable=True))
    assert bench.counters(run) == ("retrying", 0, 1, 0)
    shown = mesh.inspect_run(run.id)
    assert shown.last_error is not None
    assert shown.last_error["code"] == "broken"
    assert worker.claim() == []
    bench.advance(10.5)
    task = worker.claim_one()
    assert (task.claim.attempt, bench.counters(run)) == (2, ("running", 0, 1, 0))
    worker.end(task, succeeded())
    assert bench.counters(run) == ("completed", 0, 0, 0)
    assert mesh.inspect_run(run.id).last_error is None
    (step,) = [s for s in mesh.inspect_run(run.id, include_history=True).steps or () if s.step == "call"]
    assert [(a.number, a.status) for a in step.attempts] == [(1, "failed"), (2, "completed")]


def test_an_exhausted_retry_takes_the_error_route_that_its_failure_asks_for(bench: Bench):
    """The routes of ``error`` read the failure that just happened; it stays readable, and last_error is cleared."""
    mesh = bench.mesh(RETRIES, {"t.call": nothing, "t.mend": nothing})
    run = mesh.start_run("shop.retry")
    worker = bench.worker(mesh)
    for number in range(3):
        bench.advance(11 * number)
        worker.step(failed(retryable=True))
    assert bench.statuses(run) == {"call": "failed", "mend": "pending"}
    row = bench.run_row(run)
    assert (row["failure"]["step"], row["failure"]["attempts"], row["last_error"]) == ("call", 3, None)
    task = worker.claim_one()
    assert task.snapshot.failure == row["failure"]
    worker.end(task, succeeded())
    ended = mesh.inspect_run(run.id, include_history=True)
    assert ended.status == "completed"
    events = ended.audit_events or ()
    assert [(event.type, event.step) for event in events] == [("compensation_routed", "call"), ("routed", "call")]


def test_another_failure_takes_another_route(bench: Bench):
    """Of the transitions the first that holds is taken, so a failure of another kind goes elsewhere."""
    mesh = bench.mesh(RETRIES, {"t.call": nothing, "t.mend": nothing})
    run = mesh.start_run("shop.retry")
    bench.worker(mesh).step(failed("declined"))
    assert bench.statuses(run) == {"call": "failed", "other": "pending"}
    events = mesh.inspect_run(run.id, include_history=True).audit_events or ()
    assert [(event.type, (event.metadata or {})["to"]) for event in events] == [("routed", "other")]


def test_a_chained_recovery_step_sees_the_failure(bench: Bench):
    """Handed over or claimed, the recovery step is given the same failure."""
    mesh = bench.mesh(RETRIES, {"t.call": nothing, "t.mend": nothing})
    run = mesh.start_run("shop.retry")
    worker = bench.worker(mesh)
    answer = worker.end(worker.claim_one(), failed(), chain=True)
    assert answer.successor is not None
    assert answer.successor.snapshot.failure == bench.run_row(run)["failure"]


def test_a_delay_asked_for_by_the_step_replaces_the_backoff(bench: Bench):
    """``RetryStep(delay=…)`` says when; the number of attempts stays the policy's."""

    def call() -> None:
        raise RetryStep("later", delay=timedelta(minutes=5))

    mesh = bench.mesh(RETRIES, {"t.call": call, "t.mend": nothing})
    run = mesh.start_run("shop.retry")
    worker = bench.worker(mesh)
    worker.drain()
    bench.advance(290)
    assert worker.drain() == []
    bench.advance(301)
    assert worker.drain() == ["call"]
    assert mesh.explain_run(run.id).details["attempts"] == 2


def test_a_failure_for_good_is_not_retried(bench: Bench):
    """``StepFailed`` goes straight to the error route, with its code and details."""

    def call() -> None:
        raise StepFailed("no money", code="declined", details={"bank": "north"})

    mesh = bench.mesh(RETRIES, {"t.call": call, "t.mend": nothing})
    run = mesh.start_run("shop.retry")
    assert bench.worker(mesh).drain() == ["call", "other"]
    failure = bench.run_row(run)["failure"]
    assert (failure["code"], failure["details"], failure["type"]) == ("declined", {"bank": "north"}, "StepFailed")
