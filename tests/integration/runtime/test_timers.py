"""Waits: timers without workers, with conditions, and across releases and losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squidmesh.model.outcome import Deferred

if TYPE_CHECKING:
    from tests.integration.bench import Bench

WAITS = """
workflow: shop.wait
triggers: {by_hand: {manual: {}, payload: {slow: {type: boolean, default: true}}}}
steps:
  rest: {wait: 1h, next: go}
  go: {log: {message: go}, next: complete}
"""


def test_a_wait_holds_no_worker_and_is_over_in_time(bench: Bench):
    """A timer is a due time: nothing is claimed before it, and the run goes on after it."""
    mesh = bench.mesh(WAITS)
    run = mesh.start_run("shop.wait")
    worker = bench.worker(mesh)
    assert worker.look().next_in is not None
    assert worker.drain() == []
    assert bench.counters(run) == ("pending", 1, 0, 0)
    bench.advance(3601)
    assert worker.drain() == ["rest", "go"]


@pytest.mark.parametrize(("slow", "expected"), [(True, "pending"), (False, "completed")])
def test_a_wait_with_a_condition_waits_only_if_it_holds(bench: Bench, slow: bool, expected: str):
    """The condition is looked at once, when the step is due; then the whole time passes before it is over."""
    mesh = bench.mesh(WAITS.replace("wait: 1h,", "wait: 1h, when: payload.slow,"))
    run = mesh.start_run("shop.wait", {"slow": slow})
    worker = bench.worker(mesh)
    worker.drain()
    assert bench.step_rows(run)["rest"]["status"] == ("pending" if slow else "skipped")
    assert mesh.inspect_run(run.id).status == ("running" if slow else "completed")
    if slow:
        assert mesh.explain_run(run.id).reason == "waiting_for_timer"
        assert bench.counters(run) == ("running", 1, 0, 0)
        bench.advance(3599)
        assert worker.drain() == []
        bench.advance(3601)
        assert worker.drain() == ["rest", "go"]
    assert mesh.inspect_run(run.id).status == "completed"


def test_a_timer_that_was_put_off_survives_a_release_and_a_loss(bench: Bench):
    """Once its time is over a conditional wait never begins again, whoever had claimed it."""
    mesh = bench.mesh(WAITS.replace("wait: 1h,", "wait: 1h, when: payload.slow,"))
    mesh.start_run("shop.wait")
    worker = bench.worker(mesh)
    task = worker.claim_one()
    outcome = worker.execute(task)
    assert isinstance(outcome, Deferred)
    worker.end(task, outcome)
    bench.advance(3601)
    worker.lose(worker.claim_one())
    bench.advance(3610)
    assert worker.drain() == ["rest", "go"]
