"""What happens after a failure: compensation, where it stops, ``on_failure``, and what is shown of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.endings.conftest import Steps, assert_at_rest, step_run, wait_for_status, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh

TROUBLED = """
    workflow: t.troubled
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, compensate: t.undo, next: b}
      b: {uses: t.ok, compensate: t.undo_badly, next: c}
      c: {uses: t.ok, compensate: t.undo, next: d}
      d: {uses: t.fail, next: complete}
    on_failure: {uses: t.ok, input: {reason: failure.code}}
"""
FINAL = """
    workflow: t.final
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, compensate: t.undo, next: b}
      b: {uses: t.ok, next: pay}
      pay: {uses: t.ok, irreversible: true, next: c}
      c: {uses: t.ok, compensate: t.undo, next: d}
      d: {uses: t.fail, next: complete}
"""


def test_a_failed_compensation_does_not_stop_the_others(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """Every step is undone, the last first, whatever becomes of the one before; then ``on_failure``, then failed."""
    mesh = make_mesh(TROUBLED)
    with mesh.worker():
        done = wait_for_status(mesh, mesh.start_run("t.troubled").id, "failed")
    assert_at_rest(done)
    assert steps.calls == ["a", "b", "c", "d", "undo c", "undo b", "undo a", "on_failure"]
    shown = {state.step: state.recovery.get("compensation") for state in done.steps or ()}
    assert shown["a"] == {"status": "completed", "output": {"undid": "a"}, "error": None}
    assert shown["b"] is not None
    assert (shown["b"]["status"], shown["b"]["error"]["code"]) == ("failed", "stuck")
    assert shown["d"] is None
    assert {item["failure"]["code"] for item in steps.undone} == {"no_way"}
    failure = steps.contexts["on_failure"].failure
    assert failure is not None
    assert (failure["step"], failure["code"]) == ("d", "no_way")
    assert done.last_error is not None
    assert (done.current_step, done.last_error["code"]) == ("d", "no_way")
    assert mesh.explain_run(done.id).details["compensated"] == {"a": "completed", "b": "failed", "c": "completed"}


def test_undoing_stops_at_an_irreversible_step(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """What completed before an irreversible step stays, and explain names both."""
    mesh = make_mesh(FINAL)
    with mesh.worker():
        done = wait_for_status(mesh, mesh.start_run("t.final").id, "failed")
    assert_at_rest(done)
    assert [call for call in steps.calls if call.startswith("undo")] == ["undo c"]
    explained = mesh.explain_run(done.id)
    assert (explained.details["compensation_stopped_at"], explained.details["kept"]) == ("pay", ["a"])
    assert explained.details["replay_would_repeat"] == ["pay"]
    assert "replay_run" not in explained.next_actions
    assert step_run(done, "a", 0).recovery.get("compensation") is None


def test_nothing_was_kept_where_nothing_was_final(make_mesh: Callable[..., SquidMesh]) -> None:
    """Without an irreversible step the explanation speaks of none."""
    mesh = make_mesh(TROUBLED)
    with mesh.worker():
        done = wait_for_status(mesh, mesh.start_run("t.troubled").id, "failed")
    assert not {"compensation_stopped_at", "kept"} & set(mesh.explain_run(done.id).details)


def test_a_cancelled_run_that_undid_nothing_kept_nothing(make_mesh: Callable[..., SquidMesh]) -> None:
    """Only where undoing was wanted does the explanation say where it stopped."""
    mesh = make_mesh(FINAL.replace("d: {uses: t.fail", "d: {wait: 1h"))
    for compensate in (False, True):
        with mesh.worker():
            run = mesh.start_run("t.final")
            wait_until(lambda run=run: mesh.inspect_run(run.id).current_step == "d", "the timer")
            mesh.cancel_run(run.id, compensate=compensate)
            wait_for_status(mesh, run.id, "cancelled")
        assert ("compensation_stopped_at" in mesh.explain_run(run.id).details) is compensate


def test_a_compensation_is_tried_three_times(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """What raises while undoing is tried again twice, and can be woken meanwhile."""
    mesh = make_mesh(
        """
        workflow: t.stubborn
        triggers: {go: {manual: {}}}
        steps:
          a: {uses: t.ok, compensate: t.flaky, next: b}
          b: {uses: t.fail, next: complete}
        """
    )
    with mesh.worker():
        done = wait_for_status(mesh, mesh.start_run("t.stubborn").id, "failed")
    undone = step_run(done, "a", 1)
    assert (undone.status, len(undone.attempts)) == ("failed", 3)
