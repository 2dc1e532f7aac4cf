"""Claims and records as a worker makes them: in which order, of which rows, by which token, and what stands in them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from squidmesh import StepContext  # noqa: TC001 - read at run time
from tests.acceptance.conftest import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.acceptance.promises.conftest import Doors, House

WORKFLOWS = """
workflow: p.urgent
queue: ordered
triggers: {go: {manual: {}, payload: {name: {type: string}}}}
steps: {only: {uses: p.name, input: [name], priority: 5, next: complete}}
---
workflow: p.plain
queue: ordered
triggers: {go: {manual: {}, payload: {name: {type: string}}}}
steps: {only: {uses: p.name, input: [name], next: complete}}
---
workflow: p.routed
triggers: {go: {manual: {}}}
steps:
  one: {uses: p.hold, next: two}
  two: {uses: p.hold, next: complete}
---
workflow: p.joined
triggers: {go: {manual: {}}}
steps:
  left: {uses: p.hold}
  right: {uses: p.note}
  join: {uses: p.note, after: [left, right]}
---
workflow: p.alone
triggers: {go: {manual: {}}}
steps: {only: {uses: p.hold, next: complete}}
---
workflow: p.apart
triggers: {go: {manual: {}}}
queue: apart
steps: {only: {uses: p.note, next: complete}}
"""
NAMED: list[str] = []
ATTEMPTS = (
    "SELECT a.* FROM squidmesh.attempts a JOIN squidmesh.step_runs s ON s.id = a.step_run_id WHERE s.run_id = %s "
    "ORDER BY a.number"
)


def make_steps(doors: Doors) -> dict[str, Callable[..., Any]]:
    """Return the step types."""

    def hold(ctx: StepContext) -> None:
        doors.wait(ctx)

    def note(name: str) -> None:
        NAMED.append(name)

    return {"p.name": note, "p.hold": hold, "p.note": lambda: None}


def test_the_most_urgent_first_and_then_the_longest_due(site: House) -> None:
    """A worker with one thread takes what has the larger priority, and of equals what has been due for longer."""
    for workflow, name in (("plain", "b"), ("plain", "c"), ("urgent", "y"), ("urgent", "z")):
        site.start(f"p.{workflow}", name=name)
    earlier = site.start("p.plain", name="a")
    site.rows(
        "UPDATE squidmesh.step_runs SET run_at = run_at - interval '1 h' WHERE run_id = %s RETURNING 1", earlier.id
    )
    with site.mesh.worker(queues=["ordered"], concurrency=1):
        eventually(lambda: len(NAMED) == 5)
    assert NAMED == ["y", "z", "a", "b", "c"]


def test_what_a_claim_and_a_record_write(house: House) -> None:
    """A running step has its worker, a token, a lease and no attempt yet; an ended one has its attempt and no claim."""
    run = house.start("p.routed")
    house.doors.until_reached(run, "one")
    row = house.step_row(run, "one")
    (present,) = house.mesh.list_workers()
    assert (row["status"], row["attempt"], row["worker"]) == ("running", 1, str(present.id))
    assert row["lease_until"] > row["started_at"]
    assert row["claim_token"] is not None
    assert (house.run_row(run)["status"], house.run_row(run)["current_step"]) == ("running", "one")
    assert house.rows(ATTEMPTS, run.id) == []
    assert house.statuses(run) == {"one": "running"}, "a routed step has no row before it is taken"
    house.doors.open(run, "one")
    house.doors.until_reached(run, "two")
    ended = house.step_row(run, "one")
    assert (ended["status"], ended["claim_token"], ended["lease_until"]) == ("completed", None, None)
    (attempt,) = house.rows(ATTEMPTS, run.id)
    assert (attempt["number"], attempt["status"], attempt["worker"]) == (1, "completed", str(present.id))
    assert attempt["finished_at"] == ended["finished_at"]
    house.doors.open(run, "two")
    house.until(run, "completed")


def test_a_join_is_there_from_the_start_and_scheduled_once(house: House) -> None:
    """With its number of open dependencies; each completion takes one off, and the last makes it due."""
    run = house.start("p.joined")
    house.doors.until_reached(run, "left")
    house.until_step(run, "right", "completed")
    join = house.step_row(run, "join")
    assert (join["status"], join["open_deps"], join["created_at"]) == ("waiting", 1, house.run_row(run)["created_at"])
    house.doors.open(run, "left")
    house.until(run, "completed")
    join = house.step_row(run, "join")
    assert (join["status"], join["open_deps"], join["attempt"]) == ("completed", 0, 1)


def test_a_claim_waits_for_nobody(house: House) -> None:
    """A row that somebody has locked is passed over: what else is due is worked meanwhile, and it once it is free."""
    house.until(house.start("p.apart"), "completed")
    house.mesh.pause_queue("apart")
    locked = house.start("p.apart")
    with house.connection.transaction():
        house.rows("SELECT 1 FROM squidmesh.step_runs WHERE run_id = %s FOR UPDATE", locked.id)
        house.mesh.resume_queue("apart")
        others = house.mesh.start_runs("p.apart", [{}] * 5)
        eventually(lambda: {house.mesh.inspect_run(id_).status for id_ in others} == {"completed"})
        assert house.mesh.inspect_run(locked.id).status == "pending"
        assert house.mesh.explain_run(locked.id).reason == "pending_dispatch"
    house.until(locked, "completed")


def test_what_comes_too_late_is_refused_and_told(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The result of a worker whose step was taken from it changes no row; it is logged as ``claim_lost``, once."""
    told: list[dict[str, Any]] = []
    house.mesh.on("step.claim_lost", told.append)
    run = house.start("p.alone")
    house.doors.until_reached(run, "only")
    assert house.lose(run, "only")["status"] == "pending"
    (lost,) = house.rows(ATTEMPTS, run.id)
    house.doors.open(run, "only")  # for the call whose claim is gone, and for the one that is due in a second
    eventually(lambda: told)
    assert (told[0]["run_id"], told[0]["step"]) == (str(run.id), "only")
    assert "claim_lost: the result of step only" in caplog.text
    house.until(run, "completed")
    first, second = house.rows(ATTEMPTS, run.id)
    assert (first, first["error"]["code"], second["error"]) == (lost, "worker_lost", None)
    assert (house.step_row(run, "only")["losses"], len(told)) == (1, 1)


def test_a_lost_step_is_due_again_soon_and_then_later(house: House) -> None:
    """After a second, the next time after four; each loss is an attempt and an event of its own."""
    run = house.start("p.alone")
    for losses, seconds in ((1, 1.0), (2, 4.0)):
        eventually(lambda: house.step_row(run, "only")["status"] == "running")
        row = house.lose(run, "only")
        last = house.rows(ATTEMPTS, run.id)[-1]
        assert (row["losses"], last["error"]["code"]) == (losses, "worker_lost")
        assert (row["run_at"] - last["finished_at"]).total_seconds() == seconds
    events = house.mesh.inspect_run(run.id, include_history=True).audit_events or ()
    assert [event.type for event in events] == ["worker_lost"] * 2
    house.mesh.cancel_run(run.id)
    house.doors.open(run, "only")


def test_past_its_claim_a_worker_starts_nothing(site: House, caplog: pytest.LogCaptureFixture) -> None:
    """A thread that comes to a step after it was taken away leaves it alone; whoever has it now executes it once."""
    arrived, go_on = threading.Event(), threading.Event()
    worker = site.another(lease="3s").worker(queues=["ordered"], concurrency=1)

    @worker.huey.pre_execute("late")
    def be_late(_: Any) -> None:
        if not arrived.is_set():
            arrived.set()
            assert go_on.wait(20)

    run = site.start("p.urgent", name="late")
    with worker:
        assert arrived.wait(20)
        (held,) = worker._inflight.all()
        site.lose(run, "only")
        with site.mesh.worker(queues=["ordered"], concurrency=1):
            site.until(run, "completed")
        eventually(lambda: held.signals.lost)
        go_on.set()
        eventually(lambda: "was not started, its lease had passed" in caplog.text)
    assert NAMED.count("late") == 1
