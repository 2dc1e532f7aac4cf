"""The ``timeout`` of a whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.endings.conftest import Steps, assert_at_rest, step_run, wait_for_status
from tests.integration.endings.sweeping import swept

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from squidmesh import SquidMesh

SLOW = """
    workflow: t.slow
    timeout: 2s
    triggers: {go: {manual: {}}}
    steps:
      first: {uses: t.ok, compensate: t.undo, next: held}
      held: {uses: t.hold, next: last}
      last: {uses: t.ok, next: complete}
    on_failure: {uses: t.ok}
"""
TIMER = """
    workflow: t.timer
    timeout: 1h
    triggers: {go: {manual: {}}}
    steps:
      long: {wait: 1d, next: complete}
"""


def _pass_deadline(sql: Callable[..., list[tuple[object, ...]]], run_id: object) -> None:
    sql("UPDATE squidmesh.runs SET deadline_at = squidmesh.now() - interval '1 second' WHERE id = %s", run_id)


def test_a_run_past_its_timeout_fails_and_undoes(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """The running callable is told, what completed is undone, ``on_failure`` runs, and explain names the reason."""
    mesh = make_mesh(SLOW)
    with mesh.worker():
        run = mesh.start_run("t.slow")
        done = wait_for_status(mesh, run.id, "failed", "completed")
    assert done.status == "failed"
    assert_at_rest(done)
    assert steps.calls == ["first", "held", "undo first", "on_failure"]
    assert step_run(done, "held").output == {"saw": "cancelled"}
    assert done.last_error is not None
    assert (done.last_error["code"], done.last_error["message"]) == ("run_timed_out", "the run did not end within 2s")
    assert mesh.explain_run(run.id).reason == "run_timed_out"
    assert steps.undone[0]["failure"]["code"] == "run_timed_out"


def test_the_deadline_counts_from_the_start(
    make_mesh: Callable[..., SquidMesh], sql: Callable[..., list[tuple[object, ...]]]
) -> None:
    """The deadline is set when the run is created, so that waiting and paused time is included."""
    mesh = make_mesh(TIMER)
    run = mesh.start_run("t.timer")
    (ids,) = (mesh.start_runs("t.timer", [{}]),)
    for id_ in (run.id, *ids):
        assert sql("SELECT deadline_at - created_at = interval '1h' FROM squidmesh.runs WHERE id = %s", id_) == [
            (True,)
        ]


def test_a_run_that_only_waits_ends_in_one_sweep(
    make_mesh: Callable[..., SquidMesh], sql: Callable[..., list[tuple[object, ...]]]
) -> None:
    """With nothing running and nothing to undo, the sweep that finds the run ends it, and only one does."""
    mesh = make_mesh(TIMER)
    told: list[str] = []
    mesh.on("run.failed", lambda event: told.append(event["run_id"]))
    run, other = mesh.start_run("t.timer"), mesh.start_run("t.timer")
    assert swept(mesh) == 0
    _pass_deadline(sql, run.id)
    assert swept(mesh) == 1
    assert swept(mesh) == 0
    done = mesh.inspect_run(run.id, include_history=True)
    assert (done.status, done.current_step) == ("failed", "long")
    assert_at_rest(done)
    assert told == [str(run.id)]
    assert mesh.inspect_run(other.id).status == "pending"


def test_a_cancelled_run_does_not_time_out(
    make_mesh: Callable[..., SquidMesh], steps: Steps, sql: Callable[..., list[tuple[object, ...]]]
) -> None:
    """A run that is cancelling when its deadline passes ends as cancelled."""
    mesh = make_mesh(SLOW.replace("2s", "1h"))
    with mesh.worker():
        run = mesh.start_run("t.slow")
        assert steps.started.wait(10)
        mesh.cancel_run(run.id)
        _pass_deadline(sql, run.id)
        assert swept(mesh) == 0
        assert wait_for_status(mesh, run.id, "failed", "cancelled").status == "cancelled"


def test_a_run_that_stopped_after_it_was_found_does_not_time_out(
    make_mesh: Callable[..., SquidMesh],
    steps: Steps,
    sql: Callable[..., list[tuple[object, ...]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the sweep has seen, only what the run is under its lock counts."""
    mesh = make_mesh(SLOW.replace("2s", "1h"))
    monkeypatch.setattr("squidmesh.worker.heartbeat.cancelled_claims", lambda *_: set())
    with mesh.worker():
        run = mesh.start_run("t.slow")
        assert steps.started.wait(10)
        _pass_deadline(sql, run.id)
        found = (run.id, run.definition)
        mesh.cancel_run(run.id)
        monkeypatch.setattr("squidmesh.store.stops.overdue_runs", lambda *_: [found])
        assert swept(mesh) == 0
        steps.release.set()
        assert wait_for_status(mesh, run.id, "failed", "cancelled").status == "cancelled"


def test_a_run_that_undoes_does_not_time_out(
    make_mesh: Callable[..., SquidMesh], steps: Steps, sql: Callable[..., list[tuple[object, ...]]]
) -> None:
    """A run that fails already keeps the failure that stopped it, and its undoing is not cut short."""
    mesh = make_mesh(
        SLOW.replace("2s", "1h").replace("t.undo", "t.hold").replace("held: {uses: t.hold", "held: {uses: t.fail")
    )
    with mesh.worker():
        run = mesh.start_run("t.slow")
        assert steps.started.wait(10)
        _pass_deadline(sql, run.id)
        assert swept(mesh) == 0
        steps.release.set()
        done = wait_for_status(mesh, run.id, "failed")
    assert done.last_error is not None
    assert done.last_error["code"] == "no_way"
    assert step_run(done, "first", 1).output == {"saw": "release"}
