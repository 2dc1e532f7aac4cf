"""The slow path: stopping with siblings at work, compensation in reverse, on_failure, releases."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh import RetryStep
from squidmesh.runtime.recovery import release_claims
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    from tests.integration.bench import Bench

from tests.integration.runtime.saga import SAGA, saga


def test_a_failure_stops_the_run_and_undoes_in_reverse_order(bench: Bench):
    """What waits or is pending is cancelled, what completed is undone last first, then on_failure, then failed."""
    undone: list[Any] = []
    told: list[Any] = []

    def undo(step: dict[str, Any], payload: dict[str, Any], context: dict[str, Any], failure: dict[str, Any]) -> dict:
        undone.append((step["name"], step["output"], step["input"], payload, sorted(context), failure["code"]))
        return {"undone": step["name"]}

    mesh = saga(bench, undo, lambda why, seat: told.append((why, seat)))
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.end(hotel, succeeded(room=7))
    worker.end(flight, succeeded(seat="4a"))
    worker.end(car, succeeded())
    worker.step(failed("declined"))
    assert bench.statuses(run) == {
        "flight": "completed", "hotel": "completed", "car": "completed", "pay": "failed", "later": "cancelled",
    }  # fmt: skip
    assert bench.statuses(run, kind=1) == {"flight": "pending", "hotel": "waiting"}
    row = bench.run_row(run)
    assert (row["phase"], row["goal"], row["status"], row["active"]) == ("compensating", "failed", "running", 2)
    assert mesh.explain_run(run.id).reason == "compensating"
    assert worker.drain() == ["flight", "hotel", "on_failure"]
    assert undone == [
        ("flight", {"seat": "4a"}, {"who": "ann"}, {"who": "ann"}, ["flight", "who"], "declined"),
        ("hotel", {"room": 7}, {"who": "ann"}, {"who": "ann"}, ["hotel", "who"], "declined"),
    ]
    assert told == [("declined", "4a")]
    ended = mesh.inspect_run(run.id, include_history=True)
    assert (ended.status, ended.current_step) == ("failed", "pay")
    recovery = {step.step: step.recovery for step in ended.steps or ()}
    assert recovery["flight"]["compensation"] == {"status": "completed", "output": {"undone": "flight"}, "error": None}
    assert recovery["car"] == {}
    assert bench.counters(run) == ("failed", 0, 0, 0)


def test_a_run_stops_only_when_what_runs_has_ended(bench: Bench):
    """Attempts in flight end and are recorded; completed ones are undone too; nothing is scheduled meanwhile."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.end(car, failed("stolen"))
    assert bench.run_row(run)["phase"] == "stopping"
    assert bench.counters(run) == ("running", 2, 0, 0)
    assert bench.statuses(run)["pay"] == "cancelled"
    explained = mesh.explain_run(run.id)
    assert (explained.reason, explained.details["unfinished"]) == ("stopping", ["flight", "hotel"])
    assert explained.since == bench.step_rows(run)["car"]["finished_at"]
    answer = worker.end(flight, succeeded(seat=1))
    assert answer.settled is not None
    assert answer.settled.step_status == "completed"
    assert bench.statuses(run, kind=1) == {}
    worker.end(hotel, failed("full", retryable=True))
    assert bench.statuses(run) | {"later": ""} == {
        "flight": "completed", "hotel": "failed", "car": "failed", "pay": "cancelled", "later": "",
    }  # fmt: skip
    assert bench.statuses(run, kind=1) == {"flight": "pending"}
    worker.drain()
    assert mesh.inspect_run(run.id).status == "failed"


def test_of_two_failures_the_first_is_the_runs(bench: Bench):
    """Two siblings that fail in one group: one stops the run, the other's error stays with its attempt."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.finish((car, failed("stolen")), (hotel, failed("full")), (flight, succeeded(seat=1)))
    ended = mesh.inspect_run(run.id, include_history=True)
    assert ended.last_error is not None
    assert ended.last_error["code"] == "stolen"
    errors = {step.step: (step.last_error or {}).get("code") for step in ended.steps or ()}
    assert errors == {"flight": None, "hotel": "full", "car": "stolen", "pay": None, "later": None}
    worker.drain()
    assert bench.statuses(run, kind=1) == {"flight": "completed"}


def test_a_stopping_run_schedules_no_retry(bench: Bench):
    """A failure that would be tried again ends its step, once the run stops."""
    mesh = saga(bench, text=SAGA.replace("hotel: {uses: t.work,", "hotel: {uses: t.work, retry: {max_attempts: 5},"))
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, _, hotel = worker.claim(9)
    worker.end(car, failed())
    worker.end(hotel, failed(retryable=True))
    assert bench.statuses(run)["hotel"] == "failed"


def test_a_loss_in_a_stopping_run_ends_its_step(bench: Bench):
    """The sweep takes a lost step out of a run that stops, so that it can go on to undo."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh, lease=timedelta(seconds=10))
    car, flight, hotel = worker.claim(9)
    worker.end(flight, succeeded(seat=1))
    worker.end(car, failed())
    assert worker.sweep() == 0
    bench.advance(11)
    assert bench.worker(mesh).sweep() == 1
    assert bench.statuses(run)["hotel"] == "failed"
    assert worker.end(hotel, succeeded()).refused
    assert worker.drain() == ["flight", "on_failure"]
    events = mesh.inspect_run(run.id, include_history=True).audit_events or ()
    assert [(event.type, event.step) for event in events] == [("worker_lost", "hotel")]


def test_a_release_in_a_stopping_run_cancels_the_step(bench: Bench):
    """A worker that drains gives back a step of a run that stops: it has no need to run again."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.end(car, failed())
    release_claims(mesh.engine, [flight, hotel], timedelta())
    assert bench.statuses(run)["flight"] == "cancelled"
    worker.drain()
    assert mesh.inspect_run(run.id).status == "failed"


def test_a_release_gives_the_step_back_uncounted(bench: Bench):
    """Pending again after the delay, its attempt not counted, and the counters as they were."""
    mesh = saga(bench)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    tasks = worker.claim(9)
    release_claims(mesh.engine, tasks, timedelta(seconds=1))
    row = bench.step_rows(run)["hotel"]
    assert (row["status"], row["attempt"], row["claim_token"], row["losses"]) == ("pending", 0, None, 0)
    assert bench.counters(run) == ("running", 4, 0, 0)
    assert worker.claim(9) == []
    bench.advance(1.5)
    assert [task.claim.attempt for task in worker.claim(9)] == [1, 1, 1]
    assert worker.end(tasks[0], succeeded()).refused


def test_a_released_retry_stays_a_retry(bench: Bench):
    """A claim given back in its second attempt is claimed as the second again, and still counts as retrying."""
    mesh = saga(bench, text=SAGA.replace("car: {uses: t.work,", "car: {uses: t.work, retry: {max_attempts: 2},"))
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.finish((flight, succeeded()), (hotel, succeeded()), (car, failed(retryable=True, delay=timedelta())))
    release_claims(mesh.engine, worker.claim(), timedelta())
    again = worker.claim_one()
    assert again.claim.attempt == 2
    worker.end(again, failed(retryable=True))
    assert bench.statuses(run)["car"] == "failed"


def test_a_failing_on_failure_step_changes_nothing(bench: Bench):
    """It is retried under its policy and recorded; the run ends failed for its own reason."""

    def tell(why: str, seat: str = "") -> None:
        raise RetryStep("mail is down", delay=0)

    text = SAGA.replace("{uses: t.tell,", "{uses: t.tell, retry: {max_attempts: 2},")
    mesh = saga(bench, tell=tell, text=text)
    run = mesh.start_run("trip.book")
    worker = bench.worker(mesh)
    car, flight, hotel = worker.claim(9)
    worker.finish((flight, failed("full")), (hotel, failed()), (car, failed()))
    assert worker.drain() == ["on_failure", "on_failure"]
    ended = mesh.inspect_run(run.id)
    assert ended.status == "failed"
    assert ended.last_error is not None
    assert ended.last_error["code"] == "full"
    assert bench.statuses(run, kind=2) == {"on_failure": "failed"}


def test_a_run_that_ends_by_an_error_route_undoes_nothing(bench: Bench):
    """Completed by way of recovery is completed: no compensation, no on_failure."""
    mesh = bench.mesh(
        """
        workflow: trip.routed
        triggers: {by_hand: {manual: {}}}
        on_failure: {uses: t.work}
        steps:
          book: {uses: t.work, compensate: t.work, next: pay}
          pay: {uses: t.work, next: {ok: complete, error: {to: complete, recovery: undo}}}
        """,
        {"t.work": nothing},
    )
    run = mesh.start_run("trip.routed")
    worker = bench.worker(mesh)
    worker.step(succeeded())
    worker.step(failed())
    ended = mesh.inspect_run(run.id, include_history=True)
    assert ended.status == "completed"
    assert [event.type for event in ended.audit_events or ()] == ["undo_routed"]
    assert bench.rows("SELECT 1 FROM squidmesh.step_runs WHERE kind <> 0") == []


def test_no_child_of_a_finished_run_stays_unfinished(bench: Bench):
    """However a run ends, its step runs are terminal and hold no claim."""
    mesh = saga(bench)
    worker = bench.worker(mesh)
    for failing in ("car", "flight", "hotel"):
        mesh.start_run("trip.book")
        tasks = worker.claim(9)
        worker.finish(*[(task, failed() if task.claim.step == failing else succeeded(seat=1)) for task in tasks])
        worker.drain()
    open_rows = bench.rows("SELECT * FROM squidmesh.step_runs WHERE finished_at IS NULL OR claim_token IS NOT NULL")
    assert open_rows == []
    assert {row["status"] for row in bench.rows("SELECT status FROM squidmesh.runs")} == {"failed"}
