"""Deadlines: what nobody decides in time is decided by the workflow, once, and not before its time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from squidmesh.errors import RunNotPaused
from squidmesh.runtime import deadlines

GATE = """
steps:
  review: {{approval: {{deadline: 2d{extra}}}, output: review, next: {{ok: yes_said, error: no_said{route}}}}}
  yes_said: {{log: {{message: x}}, next: complete}}
  no_said: {{log: {{message: x}}, next: complete}}
  late: {{log: {{message: x}}, next: complete}}
"""


def gate(on_deadline: str | None) -> str:
    """Return an approval that says by ``on_deadline``, or else by a route, what happens when its deadline passes."""
    if on_deadline is None:
        return GATE.format(extra="", route=", deadline: late")
    text = GATE.format(extra=f", on_deadline: {on_deadline}", route="")
    return text.replace("  late: {log: {message: x}, next: complete}\n", "")


@pytest.mark.parametrize(
    ("on_deadline", "reached", "status"),
    [("approve", "yes_said", "completed"), ("reject", "no_said", "failed"), (None, "late", "completed")],
)
def test_a_passed_deadline_decides_an_approval(stage: Any, on_deadline: str | None, reached: str, status: str) -> None:
    """The run goes along ``next.deadline``, or as ``on_deadline`` says; the decision is ``expired`` and nobody's."""
    mesh = stage.mesh(gate(on_deadline))
    run = stage.paused(mesh)
    stage.advance("49 hours")
    ended = stage.finish(mesh, run)
    review = ended.context["review"]
    assert (ended.status, stage.step(ended, "review").status) == ("completed", status)
    assert (review["decision"], review["actor"]) == ("expired", None)
    assert stage.step(ended, reached).status == "completed"
    assert stage.events(ended)[-1] == ("deadline_passed", "review", None)


def test_on_deadline_fail_takes_no_error_route(stage: Any) -> None:
    """``fail`` fails the run for good, whatever ``error`` route there is."""
    mesh = stage.mesh(gate("fail"))
    run = stage.paused(mesh)
    stage.advance("49 hours")
    ended = stage.finish(mesh, run)
    assert (ended.status, ended.last_error["code"], ended.current_step) == ("failed", "deadline_passed", "review")
    assert [item.step for item in ended.step_runs] == ["review"]
    assert stage.step(ended, "review").output["decision"] == "expired"


def test_a_pause_goes_along_its_deadline_route(stage: Any) -> None:
    """A pause has no other way to say what its deadline means."""
    mesh = stage.mesh(
        """
steps:
  look: {pause: {deadline: 1h}, next: {ok: complete, deadline: late}}
  late: {log: {message: x}, next: complete}
"""
    )
    run = stage.paused(mesh)
    stage.advance("61 minutes")
    assert stage.step(stage.finish(mesh, run), "late").status == "completed"


def test_a_dependency_based_approval_expires(stage: Any) -> None:
    """Without routes ``reject`` and ``fail`` fail the step; ``allow_failure`` settles it."""
    mesh = stage.mesh(
        """
steps:
  hard: {approval: {deadline: 2h, on_deadline: reject}, output: hard}
  soft: {approval: {deadline: 1h, on_deadline: fail}, output: soft, allow_failure: true}
  after: {log: {message: x}, after: [soft]}
"""
    )
    run = stage.paused(mesh)
    stage.advance("61 minutes")
    with mesh.worker():
        stage.wait(mesh, run, lambda found: stage.step(found, "after").status == "completed")
        assert stage.step(stage.until(mesh, run, "paused"), "soft").status == "failed"
        stage.advance("121 minutes")
        assert stage.until(mesh, run, "failed").last_error["code"] == "deadline_passed"


def test_nothing_expires_before_its_time(stage: Any) -> None:
    """A deadline that has not passed decides nothing, even for who looks at the step in passing."""
    mesh = stage.mesh(gate("approve"))
    run = stage.paused(mesh)
    stage.advance("47 hours 59 minutes")
    ((id_,),) = stage.execute("SELECT id FROM squidmesh.step_runs WHERE status = 'paused'")
    assert deadlines.expire(mesh.engine, id_, run.id) is False
    details = mesh.explain_run(run.id).details
    assert details["deadline_passed"] is False
    stage.advance("48 hours 1 minute")
    assert mesh.explain_run(run.id).details["deadline_passed"] is True
    assert deadlines.expire(mesh.engine, id_, run.id) is True
    assert deadlines.expire(mesh.engine, id_, run.id) is False


def test_a_decision_clears_the_deadline(stage: Any) -> None:
    """Who decided in time is not overruled when the deadline passes."""
    mesh = stage.mesh(gate("reject"))
    run = stage.paused(mesh)
    mesh.approve_run(run.id, actor="ada")
    stage.advance("49 hours")
    ended = stage.finish(mesh, run)
    assert (ended.context["review"]["decision"], ended.status) == ("approved", "completed")


def test_a_person_and_the_deadline_at_once(stage: Any) -> None:
    """Of a decision and a deadline that meet, one stands, and the person is told if it was the deadline."""
    mesh = stage.mesh(gate("reject"))
    runs = [stage.paused(mesh) for _ in range(3)]
    stage.advance("49 hours")
    for run in runs:
        ((id_,),) = stage.execute("SELECT id FROM squidmesh.step_runs WHERE run_id = %s AND status = 'paused'", run.id)
        barrier = threading.Barrier(3)
        expired: list[bool] = []

        def expire(id_: Any = id_, run: Any = run, barrier: Any = barrier, expired: list[bool] = expired) -> None:
            barrier.wait()
            expired.append(deadlines.expire(mesh.engine, id_, run.id))

        threads = [threading.Thread(target=expire) for _ in range(2)]
        for thread in threads:
            thread.start()
        barrier.wait()
        try:
            mesh.approve_run(run.id, actor="ada")
            person = True
        except RunNotPaused as error:
            person = False
            assert "the deadline of step 'review' passed at" in str(error)  # noqa: PT017 - it may also not be raised
        for thread in threads:
            thread.join()
        assert sorted([*expired, person]) == [False, False, True]
        decided = stage.step(mesh.inspect_run(run.id, include_history=True), "review").output["decision"]
        assert decided == ("approved" if person else "expired")
