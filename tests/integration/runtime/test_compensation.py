"""Compensation: tried again, lost, released, given up, and stopped at what cannot be undone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import RetryStep, StepFailed
from squidmesh.model.outcome import Released
from tests.integration.hand_worker import failed, succeeded

if TYPE_CHECKING:
    from tests.integration.bench import Bench

from tests.integration.runtime.saga import saga


def test_a_compensation_is_tried_three_times_and_holds_nobody_up(bench: Bench):
    """Its failures are retried with their own policy; when it fails for good the next one runs all the same."""
    tries: list[str] = []

    def undo(step: dict[str, Any]) -> None:
        tries.append(step["name"])
        if step["name"] == "hotel":
            raise RetryStep("not now", code="closed", delay="1s")

    mesh = saga(bench, undo)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.finish((flight, succeeded(seat=1)), (hotel, succeeded()))
    worker.end(car, failed())
    assert worker.drain() == ["hotel"]
    assert mesh.explain_run(run.id).next_actions == ("wait", "wake_run", "cancel_run")
    assert bench.counters(run) == ("running", 2, 0, 0)
    bench.advance(2)
    assert worker.drain() == ["hotel"]
    assert mesh.wake_run(run.id)
    assert worker.drain() == ["hotel", "flight", "on_failure"]
    assert tries == ["hotel", "hotel", "hotel", "flight"]
    ended = mesh.inspect_run(run.id, include_history=True)
    assert ended.status == "failed"
    recovery = {step.step: step.recovery for step in ended.steps or ()}
    assert recovery["hotel"]["compensation"]["status"] == "failed"
    assert recovery["hotel"]["compensation"]["error"]["code"] == "closed"
    assert recovery["flight"]["compensation"]["status"] == "completed"
    assert mesh.explain_run(run.id).details["compensated"] == {"hotel": "failed", "flight": "completed"}


def test_a_compensation_that_fails_for_good_is_not_tried_again(bench: Bench):
    """``StepFailed`` in a compensation ends it at once, and the next one goes on."""

    def undo(step: dict[str, Any]) -> None:
        raise StepFailed("never")

    mesh = saga(bench, undo)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.finish((flight, succeeded()), (hotel, succeeded()))
    worker.end(car, failed())
    assert worker.drain() == ["hotel", "flight", "on_failure"]
    assert bench.statuses(run, kind=1) == {"flight": "failed", "hotel": "failed"}
    assert mesh.inspect_run(run.id).status == "failed"


def test_a_lost_compensation_is_taken_up_again(bench: Bench):
    """Losses of a compensation are counted apart from its attempts, and have the same limit."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.end(flight, succeeded())
    worker.end(car, failed())
    worker.end(hotel, failed())
    for delay in (0, 2, 7):
        bench.advance(delay)
        worker.lose(worker.claim_one())
    row = bench.step_rows(run, kind=1)["flight"]
    assert (row["status"], row["losses"], row["attempt"]) == ("failed", 3, 3)
    assert worker.drain() == ["on_failure"]
    assert mesh.inspect_run(run.id).status == "failed"


def test_a_released_compensation_is_pending_again(bench: Bench):
    """A worker that drains in the middle of an undo leaves it to another."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.finish((flight, succeeded()), (hotel, succeeded()))
    worker.end(car, failed())
    assert worker.end(worker.claim_one(), Released()).settled is not None
    assert bench.statuses(run, kind=1) == {"hotel": "pending", "flight": "waiting"}
    assert worker.drain() == ["hotel", "flight", "on_failure"]


@pytest.mark.parametrize("irreversible_first", [True, False])
def test_undoing_stops_at_a_step_that_cannot_be_undone(bench: Bench, irreversible_first: bool):
    """What completed before a completed irreversible step stays; what completed after it is undone."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    # The file of such a step is refused by this version, but a definition that another one has stored may have it.
    (row,) = bench.rows("SELECT document FROM squidmesh.definitions")
    document = row["document"]
    document["steps"]["car"]["action"]["uses"]["irreversible"] = True
    bench.connection.execute("UPDATE squidmesh.definitions SET document = %s", [json.dumps(document)])
    other = saga(bench)
    other.__dict__["workflows"] = {}
    worker = bench.worker(other)
    car, flight, hotel = worker.claim(9)
    order = [car, flight, hotel] if irreversible_first else [flight, car, hotel]
    for task in order:
        worker.end(task, succeeded(seat=1))
    worker.step(failed())
    expected = {"flight": "pending", "hotel": "pending"} if irreversible_first else {"hotel": "pending"}
    found = bench.statuses(run, kind=1)
    assert found.keys() == expected.keys()
    worker.drain()
    assert mesh.inspect_run(run.id).status == "failed"
