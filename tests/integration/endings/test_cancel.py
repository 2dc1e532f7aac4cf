"""Cancelling runs in every state they can be in."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import InvalidRunId, InvalidTransition, RunNotFound
from squidmesh.model.identity import new_id
from tests.integration.endings.conftest import Steps, assert_at_rest, step_run, wait_for_status, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh

CHAIN = """
    workflow: t.chain
    triggers: {go: {manual: {}}}
    steps:
      first: {uses: t.ok, compensate: t.undo, next: held}
      held: {uses: t.hold, compensate: t.undo, next: last}
      last: {uses: t.ok, next: complete}
    on_failure: {uses: t.ok}
"""
SIMPLE = """
    workflow: t.simple
    triggers: {go: {manual: {}}}
    steps:
      only: {uses: t.ok, next: complete}
"""
FAILING = """
    workflow: t.failing
    triggers: {go: {manual: {}}}
    steps:
      first: {uses: t.ok, compensate: t.hold, next: second}
      second: {uses: t.ok, compensate: t.hold, next: fails}
      fails: {uses: t.fail, next: complete}
    on_failure: {uses: t.ok}
"""
RETRYING = """
    workflow: t.retrying
    triggers: {go: {manual: {}}}
    steps:
      flaky:
        uses: t.flaky
        retry: {max_attempts: 5, backoff: {type: constant, min: 1h, max: 1h}}
        next: complete
"""
FORK = """
    workflow: t.fork
    triggers: {go: {manual: {}}}
    steps:
      held: {uses: t.hold}
      timer: {wait: 1h}
      join: {uses: t.ok, after: [held, timer]}
"""


def test_a_run_that_nobody_took_is_cancelled_at_once(make_mesh: Callable[..., SquidMesh]) -> None:
    """Cancelling a pending run ends it in that call, with who and why in its history."""
    mesh = make_mesh(SIMPLE)
    run = mesh.start_run("t.simple")
    cancelled = mesh.cancel_run(run.id, actor="ada", reason="by mistake")
    assert cancelled.status == "cancelled"
    assert cancelled.finished_at is not None
    history = mesh.inspect_run(run.id, include_history=True)
    assert_at_rest(history)
    (event,) = history.audit_events or ()
    assert (event.type, event.actor, event.comment) == ("cancelled", "ada", "by mistake")
    explained = mesh.explain_run(run.id)
    assert (explained.reason, explained.since) == ("cancelled", cancelled.finished_at)
    assert (explained.details["actor"], explained.details["comment"]) == ("ada", "by mistake")


def test_a_running_step_sees_the_cancel_and_its_result_is_kept(
    make_mesh: Callable[..., SquidMesh], steps: Steps
) -> None:
    """While an attempt runs the run is cancelling; the callable is told, its result recorded, nothing follows."""
    mesh = make_mesh(CHAIN)
    with mesh.worker():
        run = mesh.start_run("t.chain")
        assert steps.started.wait(10)
        assert mesh.cancel_run(str(run.id)).status == "cancelling"
        done = wait_for_status(mesh, run.id, "cancelled")
    assert_at_rest(done)
    assert step_run(done, "held").output == {"saw": "cancelled"}
    assert steps.calls == ["first", "held"]


def test_a_cancel_is_learnt_by_the_heartbeat_where_no_notification_arrives(
    make_mesh: Callable[..., SquidMesh], steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without LISTEN a running callable learns of the cancel by the next heartbeat, a third of a lease later."""
    monkeypatch.setattr("squidmesh.runtime.cancellation.announce_stop", lambda *_: None)
    mesh = make_mesh(CHAIN, lease="1s")
    with mesh.worker():
        run = mesh.start_run("t.chain")
        assert steps.started.wait(10)
        mesh.cancel_run(run.id)
        done = wait_for_status(mesh, run.id, "cancelled")
    assert step_run(done, "held").output == {"saw": "cancelled"}


def test_a_cancel_that_compensates_undoes_what_completed(
    make_mesh: Callable[..., SquidMesh], steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``compensate`` completed steps are undone, the last first, and the run ends cancelled, not failed."""
    mesh = make_mesh(CHAIN)
    with mesh.worker():
        run = mesh.start_run("t.chain")
        assert steps.started.wait(10)
        monkeypatch.setattr("squidmesh.worker.heartbeat.cancelled_claims", lambda *_: set())
        assert mesh.cancel_run(run.id, compensate=True).status == "cancelling"
        explained = mesh.explain_run(run.id)
        assert (explained.reason, explained.step, explained.details["compensate"]) == ("cancelling", "held", True)
        (event,) = mesh.inspect_run(run.id, include_history=True).audit_events or ()
        assert explained.since == event.at
        assert explained.next_actions == ("wait", "cancel_run")
        steps.release.set()
        done = wait_for_status(mesh, run.id, "cancelled", "failed")
    assert done.status == "cancelled"
    assert_at_rest(done)
    assert steps.calls == ["first", "held", "undo held", "undo first"]
    assert step_run(done, "first").recovery["compensation"]["status"] == "completed"
    assert [item["failure"] for item in steps.undone] == [None, None]


def test_a_cancel_that_compensates_nothing_ends_at_once(make_mesh: Callable[..., SquidMesh]) -> None:
    """Where nothing completed, asking for compensation does not hold up the end."""
    mesh = make_mesh(SIMPLE)
    run = mesh.start_run("t.simple")
    assert mesh.cancel_run(run.id, compensate=True).status == "cancelled"


def test_a_forced_cancel_refuses_the_late_result(
    make_mesh: Callable[..., SquidMesh], steps: Steps, sql: Callable[..., list[tuple[object, ...]]]
) -> None:
    """``force`` ends the run at once, tells the callable, and what it returns later changes nothing."""
    mesh = make_mesh(CHAIN)
    lost = threading.Event()
    mesh.on("step.claim_lost", lambda _: lost.set())
    with mesh.worker():
        run = mesh.start_run("t.chain")
        assert steps.started.wait(10)
        assert mesh.cancel_run(run.id, force=True).status == "cancelled"
        assert lost.wait(10)
    done = mesh.inspect_run(run.id, include_history=True)
    assert_at_rest(done)
    held = step_run(done, "held")
    assert (held.status, held.output) == ("cancelled", None)
    assert held.attempts[0].error is not None
    assert held.attempts[0].error["code"] == "run_cancelled"
    assert steps.contexts["held"].cancelled
    assert sql("SELECT count(*) FROM squidmesh.step_runs WHERE claim_token IS NOT NULL") == [(0,)]


def test_a_forced_cancel_with_compensation_does_not_wait_for_the_step(
    make_mesh: Callable[..., SquidMesh], steps: Steps
) -> None:
    """``force`` and ``compensate`` together undo what completed without waiting for what runs."""
    mesh = make_mesh(CHAIN)
    with mesh.worker():
        run = mesh.start_run("t.chain")
        assert steps.started.wait(10)
        assert mesh.cancel_run(run.id, force=True, compensate=True).status == "cancelling"
        done = wait_for_status(mesh, run.id, "cancelled")
    assert_at_rest(done)
    assert step_run(done, "held").status == "cancelled"
    assert [call for call in steps.calls if call.startswith("undo")] == ["undo first"]


def test_waiting_steps_and_timers_are_cancelled_while_another_runs(
    make_mesh: Callable[..., SquidMesh], steps: Steps
) -> None:
    """What does not run is cancelled in the call: a timer and a join, while a sibling goes on."""
    mesh = make_mesh(FORK)
    with mesh.worker():
        run = mesh.start_run("t.fork")
        assert steps.started.wait(10)
        mesh.cancel_run(run.id)
        now = mesh.inspect_run(run.id, include_history=True)
        assert {step_run(now, name).status for name in ("timer", "join")} == {"cancelled"}
        assert_at_rest(wait_for_status(mesh, run.id, "cancelled"))


def test_a_retrying_run_is_cancelled_at_once(make_mesh: Callable[..., SquidMesh]) -> None:
    """A step that waits for its retry does not run, so cancelling ends the run."""
    mesh = make_mesh(RETRYING)
    with mesh.worker():
        run = mesh.start_run("t.retrying")
        wait_for_status(mesh, run.id, "retrying")
        assert mesh.cancel_run(run.id).status == "cancelled"
    assert_at_rest(mesh.inspect_run(run.id, include_history=True))


def test_a_failing_run_is_cancelled_while_it_undoes(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """Cancelling a compensating run ends the undoing after the step that runs, and ``on_failure`` does not run."""
    mesh = make_mesh(FAILING)
    with mesh.worker():
        run = mesh.start_run("t.failing")
        assert steps.started.wait(10)
        assert mesh.cancel_run(run.id).status == "cancelling"
        done = wait_for_status(mesh, run.id, "cancelled", "failed")
    assert done.status == "cancelled"
    assert_at_rest(done)
    assert step_run(done, "second", 1).output == {"saw": "cancelled"}
    assert step_run(done, "first", 1).status == "cancelled"
    assert "on_failure" not in steps.calls


def test_cancelling_a_failing_run_may_keep_its_compensation(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """With ``compensate`` the undoing goes on untold, and only the status and ``on_failure`` change."""
    mesh = make_mesh(FAILING)
    with mesh.worker():
        run = mesh.start_run("t.failing")
        assert steps.started.wait(10)
        assert mesh.cancel_run(run.id, compensate=True).status == "cancelling"
        assert mesh.cancel_run(run.id).status == "cancelling", "an ordinary cancel does not take the undoing back"
        steps.release.set()
        done = wait_for_status(mesh, run.id, "cancelled", "failed")
    assert done.status == "cancelled"
    assert [step_run(done, name, 1).output for name in ("second", "first")] == [{"saw": "release"}] * 2
    assert "on_failure" not in steps.calls


def test_an_undoing_that_was_cancelled_is_not_begun_again(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """Cancelled without and then with ``compensate``, a run undoes each step once, or not at all."""
    mesh = make_mesh(FAILING.replace("t.hold", "t.deaf"))
    with mesh.worker():
        run = mesh.start_run("t.failing")
        assert steps.started.wait(10)  # the undoing of the second step runs, and waits
        for compensate in (False, True):
            mesh.cancel_run(run.id, compensate=compensate)
        steps.release.set()
        done = wait_for_status(mesh, run.id, "cancelled", "failed")
    assert done.status == "cancelled"
    assert_at_rest(done)
    assert [step_run(done, name, 1).status for name in ("second", "first")] == ["completed", "cancelled"]


def test_a_forced_cancel_ends_an_undoing_that_hangs(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """``force`` without ``compensate`` is the way out of a compensation that never ends."""
    mesh = make_mesh(FAILING)
    with mesh.worker():
        run = mesh.start_run("t.failing")
        assert steps.started.wait(10)
        mesh.cancel_run(run.id, compensate=True)
        assert mesh.cancel_run(run.id, force=True).status == "cancelled"
        steps.release.set()
    assert_at_rest(mesh.inspect_run(run.id, include_history=True))


def test_a_finished_run_refuses(make_mesh: Callable[..., SquidMesh]) -> None:
    """Terminal runs raise InvalidTransition, and nothing is added to their history."""
    mesh = make_mesh(SIMPLE)
    run = mesh.start_run("t.simple")
    with mesh.worker():
        wait_for_status(mesh, run.id, "completed")
    with pytest.raises(InvalidTransition) as caught:
        mesh.cancel_run(run.id)
    assert (caught.value.from_status, caught.value.to_status) == ("completed", "cancelled")
    assert mesh.inspect_run(run.id, include_history=True).audit_events == ()


def test_what_is_no_run_is_an_error(make_mesh: Callable[..., SquidMesh]) -> None:
    """An unknown id and a value that is none have errors of their own."""
    mesh = make_mesh(SIMPLE)
    with pytest.raises(RunNotFound):
        mesh.cancel_run(new_id())
    with pytest.raises(InvalidRunId):
        mesh.cancel_run("nonsense")


def test_the_host_is_told(make_mesh: Callable[..., SquidMesh]) -> None:
    """``run.cancelled`` is told once, by the process that cancelled."""
    mesh = make_mesh(SIMPLE)
    told: list[tuple[str, str]] = []
    mesh.on("run.cancelled", lambda event: told.append((event["from_status"], event["to_status"])))
    run = mesh.start_run("t.simple")
    mesh.cancel_run(run.id)
    assert told == [("pending", "cancelled")]


def _at_once(count: int, call: Callable[[int], object]) -> list[BaseException]:
    """Call from several threads at one moment; return what was raised."""
    barrier, raised = threading.Barrier(count), []

    def run(number: int) -> None:
        barrier.wait()
        try:
            call(number)
        except Exception as error:  # noqa: BLE001 - to be looked at by the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_two_cancels_at_once_one_wins(make_mesh: Callable[..., SquidMesh]) -> None:
    """Two people cancel an idle run: one of them does it, the other is told that it has ended."""
    mesh = make_mesh(SIMPLE)
    for _ in range(10):
        run = mesh.start_run("t.simple")
        (error,) = _at_once(2, lambda _, run=run: mesh.cancel_run(run.id))
        assert isinstance(error, InvalidTransition)
        events = mesh.inspect_run(run.id, include_history=True).audit_events or ()
        assert [event.type for event in events] == ["cancelled"]


def test_cancels_race_claims_and_records(make_mesh: Callable[..., SquidMesh]) -> None:
    """Cancelled while workers claim and record, every run ends once and whole: cancelled, or completed before."""
    mesh = make_mesh(
        """
        workflow: t.race
        triggers: {go: {manual: {}}}
        steps:
          a: {uses: t.ok, compensate: t.undo}
          b: {uses: t.ok, compensate: t.undo}
          c: {uses: t.ok, after: [a, b]}
          d: {uses: t.ok, after: [c]}
        """
    )
    with mesh.worker(concurrency=8):
        ids = mesh.start_runs("t.race", [{}] * 32)
        raised = _at_once(4, lambda n: [_cancel(mesh, id_, compensate=n % 2 == 0) for id_ in ids[n::4]])
        assert raised == []
        wait_until(lambda: all(mesh.inspect_run(id_).status.terminal for id_ in ids), "all runs ended")
    for id_ in ids:
        run = mesh.inspect_run(id_, include_history=True)
        assert run.status in {"cancelled", "completed"}
        assert_at_rest(run)


def test_cancels_race_failures(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """Cancelled while its steps fail, a run ends as cancelled or failed, each completed step undone at most once."""
    mesh = make_mesh(
        """
        workflow: t.race
        triggers: {go: {manual: {}}}
        steps:
          a: {uses: t.ok, compensate: t.undo}
          b: {uses: t.fail, after: [a]}
          c: {uses: t.fail, after: [a]}
        """
    )
    with mesh.worker(concurrency=8):
        ids = mesh.start_runs("t.race", [{}] * 20)
        raised = _at_once(4, lambda n: [_cancel(mesh, id_, compensate=True) for id_ in ids[n::4]])
        assert raised == []
        wait_until(lambda: all(mesh.inspect_run(id_).status.terminal for id_ in ids), "all runs ended")
    for id_ in ids:
        run = mesh.inspect_run(id_, include_history=True)
        assert run.status in {"cancelled", "failed"}
        assert_at_rest(run)
        undone = [item for item in run.step_runs or () if item.kind == 1]
        completed = step_run(run, "a").status == "completed"
        assert [item.status for item in undone] == (["completed"] if completed else [])


def _cancel(mesh: SquidMesh, run_id: object, *, compensate: bool) -> None:
    with contextlib.suppress(InvalidTransition):  # it had ended
        mesh.cancel_run(run_id, compensate=compensate)  # type: ignore[arg-type]  # an id of start_runs
