"""Waits whose time is known only when they are reached: until a time in the data, or under a condition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

UNTIL = "steps:\n  until: {wait: {until: payload.at}, next: done}\n  done: {log: {message: x}, next: complete}\n"
CONDITION = (
    "steps:\n  nap: {wait: 2h, when: payload.amount > 1, next: done}\n  done: {log: {message: x}, next: complete}\n"
)


def waiting(stage: Any, mesh: Any, step: str, **payload: Any) -> Any:
    """Start a run and work it until its wait has begun."""
    run = mesh.start_run("shop.order", payload)
    with mesh.worker():
        stage.wait(mesh, run, lambda _: mesh.explain_run(run.id).reason == "waiting_for_timer")
    return mesh.inspect_run(run.id, include_history=True)


def test_a_wait_is_due_at_the_time_in_the_data(stage: Any) -> None:
    """The time is read once; until then the step holds no worker, and being put off is no attempt."""
    at = datetime.now(UTC) + timedelta(hours=3)
    mesh = stage.mesh(UNTIL)
    run = waiting(stage, mesh, "until", at=at.isoformat())
    step = stage.step(run, "until")
    assert abs(step.run_at - at) < timedelta(seconds=1)
    assert (run.status, step.status, step.attempt, step.attempts) == ("running", "pending", 0, ())
    stage.advance("3 hours 1 second")
    ended = stage.finish(mesh, run)
    assert (ended.status, stage.step(ended, "until").attempt) == ("completed", 1)
    assert stage.step(ended, "until").finished_at >= at


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "2020-01-01t01:00:00.5+01:00"])
def test_a_time_that_has_passed_is_not_waited_for(stage: Any, at: str) -> None:
    """A wait until a time in the past ends at once."""
    mesh = stage.mesh(UNTIL)
    assert stage.finish(mesh, mesh.start_run("shop.order", {"at": at})).status == "completed"


@pytest.mark.parametrize(
    ("payload", "code"),
    [({}, "missing_input"), ({"at": "tomorrow"}, "invalid_input"), ({"at": "2026-01-31T09:00:00"}, "invalid_input")],
    ids=["missing", "no-time", "no-offset"],
)
def test_data_without_a_time_fail_the_wait(stage: Any, payload: dict[str, Any], code: str) -> None:
    """What is missing, or no RFC 3339 time, fails for good; the error names the path."""
    mesh = stage.mesh(UNTIL)
    ended = stage.finish(mesh, mesh.start_run("shop.order", payload))
    assert (ended.status, ended.last_error["code"]) == ("failed", code)
    assert "'payload.at'" in ended.last_error["message"]
    assert ended.last_error["details"] == {"path": "payload.at"}


def test_a_conditional_wait_waits(stage: Any) -> None:
    """A wait with ``when`` looks at its condition first, once, and then holds for its whole duration."""
    mesh = stage.mesh(CONDITION)
    run = waiting(stage, mesh, "nap")
    stage.execute("UPDATE squidmesh.runs SET payload = '{\"amount\": 0}'")  # the condition would be false now
    left = stage.step(run, "nap").run_at - datetime.now(UTC)
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    stage.advance("121 minutes")
    ended = stage.finish(mesh, run)
    assert (ended.status, stage.step(ended, "nap").status) == ("completed", "completed")


def test_a_wait_whose_condition_is_false_is_skipped(stage: Any) -> None:
    """No time passes where the condition says so."""
    mesh = stage.mesh(CONDITION)
    ended = stage.finish(mesh, mesh.start_run("shop.order", {"amount": 1}))
    assert (ended.status, stage.step(ended, "nap").status) == ("completed", "skipped")


def test_a_wait_that_was_begun_stays_begun(stage: Any) -> None:
    """A wait that is over when its worker vanishes, or gives it back, does not start again."""
    mesh = stage.mesh(CONDITION)
    run = waiting(stage, mesh, "nap")
    stage.execute(
        "UPDATE squidmesh.step_runs SET status = 'running', attempt = 1, claim_token = gen_random_uuid(), "
        "worker = 'gone', started_at = squidmesh.now(), lease_until = squidmesh.now() - interval '1 s' "
        "WHERE step = 'nap'"
    )
    ended = stage.finish(mesh, run)
    assert ended.status == "completed"
    assert [attempt.status for attempt in stage.step(ended, "nap").attempts] == ["failed", "completed"]


def test_a_waiting_wait_can_be_woken(stage: Any) -> None:
    """``wake_run`` ends a wait that has begun, whatever it waited for."""
    mesh = stage.mesh(UNTIL)
    run = waiting(stage, mesh, "until", at="2990-01-01T00:00:00Z")
    mesh.wake_run(run.id)
    assert stage.finish(mesh, run).status == "completed"
