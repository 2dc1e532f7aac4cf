"""Endings of runs that wait for people, and of steps whose effects cannot be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.errors import InvalidTransition, UnsafeReplay
from tests.integration.endings.conftest import Steps, assert_at_rest, step_run, wait_for_status
from tests.integration.endings.sweeping import swept

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh

REVIEWED = """
    workflow: t.reviewed
    timeout: 1h
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, compensate: t.undo, next: review}
      review: {approval: {deadline: 10m, on_deadline: fail}, output: review, next: {ok: b, error: complete}}
      b: {uses: t.ok, next: complete}
"""
FINAL = """
    workflow: t.final
    triggers: {go: {manual: {}}}
    steps:
      pay: {uses: t.hold, irreversible: true, next: b}
      b: {uses: t.ok, next: complete}
"""


def test_a_paused_run_is_cancelled_at_once(make_mesh: Callable[..., SquidMesh]) -> None:
    """A gate that waits does not hold up the end, and nobody can decide it any more."""
    mesh = make_mesh(REVIEWED)
    with mesh.worker():
        run = mesh.start_run("t.reviewed")
        wait_for_status(mesh, run.id, "paused")
        assert "cancel_run" in mesh.explain_run(run.id).next_actions
        assert mesh.cancel_run(run.id).status == "cancelled"
    assert_at_rest(mesh.inspect_run(run.id, include_history=True))
    with pytest.raises(InvalidTransition):
        mesh.approve_run(run.id, actor="ada")


def test_a_paused_run_that_is_cancelled_undoes_if_asked(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """``compensate`` undoes what completed before the gate."""
    mesh = make_mesh(REVIEWED)
    with mesh.worker():
        run = mesh.start_run("t.reviewed")
        wait_for_status(mesh, run.id, "paused")
        assert mesh.cancel_run(run.id, compensate=True).status == "cancelling"
        assert_at_rest(wait_for_status(mesh, run.id, "cancelled"))
    assert steps.calls == ["a", "undo a"]


def test_paused_time_counts_against_the_timeout(
    make_mesh: Callable[..., SquidMesh], steps: Steps, sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """A run that waits for a person fails when its timeout has passed, and is undone."""
    mesh = make_mesh(REVIEWED, sweep_interval="1h")
    with mesh.worker():
        run = mesh.start_run("t.reviewed")
        wait_for_status(mesh, run.id, "paused")
        sql("UPDATE squidmesh.runs SET deadline_at = squidmesh.now() WHERE id = %s", run.id)
        assert swept(mesh) == 1
        done = wait_for_status(mesh, run.id, "failed")
    assert (done.current_step, steps.calls) == ("review", ["a", "undo a"])
    assert step_run(done, "review").status == "cancelled"
    assert mesh.explain_run(run.id).reason == "run_timed_out"


def test_a_decision_is_carried_over(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """A replay from behind a gate keeps what was decided; one from the gate asks again."""
    mesh = make_mesh(REVIEWED.replace("compensate: t.undo, ", ""))
    steps.failing = {"b"}
    with mesh.worker():
        old = mesh.start_run("t.reviewed")
        wait_for_status(mesh, old.id, "paused")
        mesh.approve_run(old.id, actor="ada")
        wait_for_status(mesh, old.id, "failed")
        steps.failing, steps.calls = set(), []
        new = wait_for_status(mesh, mesh.replay_run(old.id, from_step="failed").id, "completed")
        assert steps.calls == ["b"]
        assert steps.contexts["b"].context["review"]["actor"] == "ada"
        assert step_run(new, "review").status == "completed"
        again = mesh.replay_run(old.id, from_step="review")
        wait_for_status(mesh, again.id, "paused")
        mesh.approve_run(again.id, actor="bob")
        assert wait_for_status(mesh, again.id, "completed").context["review"]["actor"] == "bob"


def test_an_irreversible_step_that_was_cut_short_is_not_repeated(
    make_mesh: Callable[..., SquidMesh], steps: Steps
) -> None:
    """Taken from its worker after it began, nobody knows what it did: a replay would have to be allowed."""
    mesh = make_mesh(FINAL)
    with mesh.worker():
        run = mesh.start_run("t.final")
        assert steps.started.wait(10)
        assert mesh.cancel_run(run.id, force=True).status == "cancelled"
    with pytest.raises(UnsafeReplay) as caught:
        mesh.replay_run(run.id)
    assert (list(caught.value.steps), caught.value.from_step) == (["pay"], None)
    explained = mesh.explain_run(run.id)
    assert (explained.next_actions, explained.details["replay_would_repeat"]) == ((), ["pay"])
    steps.release.set()
    with mesh.worker():
        wait_for_status(mesh, mesh.replay_run(run.id, allow_irreversible=True).id, "completed")
