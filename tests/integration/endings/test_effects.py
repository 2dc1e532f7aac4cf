"""Effects that several runs know of, after replays: undone once at most, and never under a run that stands on them."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from squidmesh.errors import InvalidTransition
from tests.integration.endings.conftest import PATIENCE, Steps, wait_for_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from squidmesh import SquidMesh
    from squidmesh.model.run import Run

GATED = """
    workflow: t.gated
    triggers: {go: {manual: {}}}
    steps:
      a: {uses: t.ok, compensate: t.undo, next: gate}
      gate: {pause: {}, next: c}
      c: {uses: t.ok, next: complete}
"""


def at_the_gate(mesh: SquidMesh, run_id: UUID) -> None:
    """Work a run to its gate."""
    with mesh.worker():
        wait_for_status(mesh, run_id, "paused")


def through_the_gate(mesh: SquidMesh, run_id: UUID) -> Run:
    """Work a run through its gate to its end."""
    with mesh.worker():
        wait_for_status(mesh, run_id, "paused")
        mesh.unblock_run(run_id)
        return wait_for_status(mesh, run_id, "completed", "failed")


def cancelled(mesh: SquidMesh, run_id: UUID) -> UUID:
    """Cancel a run at its gate, with nothing undone."""
    at_the_gate(mesh, run_id)
    return mesh.cancel_run(run_id).id


def test_what_an_open_replay_could_undo_is_not_carried_again(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """A second replay waits for the end of the first, that of a replay too; one from the start carries nothing."""
    mesh = make_mesh(GATED)
    old = cancelled(mesh, mesh.start_run("t.gated").id)
    first = mesh.replay_run(old, from_step="gate")
    with pytest.raises(InvalidTransition, match=f"run {first.id} has carried over step 'a' and may still undo it"):
        mesh.replay_run(old, from_step="gate")
    assert len(mesh.list_runs()) == 2
    mesh.cancel_run(mesh.replay_run(old).id)
    second = mesh.replay_run(cancelled(mesh, first.id), from_step="gate")
    with pytest.raises(InvalidTransition, match=f"run {second.id} has"):
        mesh.replay_run(old, from_step="gate")
    steps.failing = {"c"}
    assert through_the_gate(mesh, second.id).status == "failed"
    assert [step["name"] for step in steps.undone] == ["a"]
    for run in (old, first.id, second.id):
        with pytest.raises(InvalidTransition, match="'a' before it was undone"):
            mesh.replay_run(run, from_step="gate")


def test_what_was_half_undone_is_not_carried(
    make_mesh: Callable[..., SquidMesh], steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compensation that its worker gave back in the middle, in a run that was then cancelled, counts as begun."""
    begun, go_on = threading.Event(), threading.Event()

    def undo(step: dict[str, Any]) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    monkeypatch.setattr(steps, "undo", undo)
    steps.failing = {"c"}
    mesh = make_mesh(GATED)
    run = mesh.start_run("t.gated")
    with mesh.worker() as worker:
        wait_for_status(mesh, run.id, "paused")
        mesh.unblock_run(run.id)
        assert begun.wait(PATIENCE)
        mesh.cancel_run(run.id)
        worker.stop(grace=0)
    go_on.set()
    assert mesh.inspect_run(run.id).status == "cancelled"
    with pytest.raises(InvalidTransition, match="'a' before it was undone"):
        mesh.replay_run(run.id, from_step="c")


@pytest.mark.parametrize("replayed", [False, True])
def test_what_a_completed_run_did_is_not_undone(
    make_mesh: Callable[..., SquidMesh], steps: Steps, replayed: bool
) -> None:
    """Whether it executed the step or had carried it over: a later replay that fails leaves it alone."""
    mesh = make_mesh(GATED)
    run = mesh.start_run("t.gated").id
    if replayed:
        run = mesh.replay_run(cancelled(mesh, run), from_step="gate").id
    completed = through_the_gate(mesh, run)
    assert completed.status == "completed"
    steps.failing = {"c"}
    assert through_the_gate(mesh, mesh.replay_run(run, from_step="gate").id).status == "failed"
    assert steps.undone == []


def test_a_run_that_an_open_replay_stands_on_is_not_pruned(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """Only what the original says keeps a failing replay from undoing what a completed run did."""
    mesh = make_mesh(GATED)
    old = through_the_gate(mesh, mesh.start_run("t.gated").id).id
    replay = mesh.replay_run(old, from_step="gate").id
    assert (mesh.prune("1ms", dry_run=True).runs, mesh.prune("1ms").runs) == (0, 0)
    steps.failing = {"c"}
    assert through_the_gate(mesh, replay).status == "failed"
    assert steps.undone == []
    assert mesh.prune("1ms").runs == 2


def test_of_replays_at_the_same_moment_one_carries(make_mesh: Callable[..., SquidMesh], steps: Steps) -> None:
    """Of the run and of a replay of it, from many threads at once: one begins, the others are refused."""
    mesh = make_mesh(GATED)
    old = cancelled(mesh, mesh.start_run("t.gated").id)
    known = [old, cancelled(mesh, mesh.replay_run(old, from_step="gate").id)]
    for _ in range(5):
        began: list[UUID] = []
        barrier = threading.Barrier(4)

        def replay(run: UUID, began: list[UUID] = began, barrier: Any = barrier) -> None:
            barrier.wait()
            with contextlib.suppress(InvalidTransition):
                began.append(mesh.replay_run(run, from_step="gate").id)

        threads = [threading.Thread(target=replay, args=(known[n % len(known)],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(began) == 1
        known.append(mesh.cancel_run(began[0]).id)


def test_the_database_lets_one_compensation_of_an_effect_live(
    make_mesh: Callable[..., SquidMesh], steps: Steps, sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """Even a replay that slipped past the refusal undoes nothing that another run undoes, and ends all the same."""
    mesh = make_mesh(GATED)
    old = cancelled(mesh, mesh.start_run("t.gated").id)
    first = mesh.replay_run(old, from_step="gate").id
    sql("UPDATE squidmesh.step_runs SET origin_id = gen_random_uuid() WHERE run_id = %s AND step = 'a'", first)
    second = mesh.replay_run(old, from_step="gate").id
    sql(
        "UPDATE squidmesh.step_runs s SET origin_id = o.id FROM squidmesh.step_runs o "
        "WHERE s.run_id = %s AND s.step = 'a' AND o.run_id = %s AND o.step = 'a'",
        first,
        old,
    )
    at_the_gate(mesh, first)
    at_the_gate(mesh, second)
    compensation = (
        "INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, run_at, attempt, losses, open_deps, "
        "live_deps, created_at, finished_at, completed_seq, origin_id) SELECT gen_random_uuid(), %s, 'a', 1, "
        "'completed', 1, now(), 1, 0, 0, 0, now(), now(), 1, id FROM squidmesh.step_runs WHERE run_id = %s "
        "AND step = 'a' AND kind = 0"
    )
    sql(compensation, first, old)
    with pytest.raises(psycopg.errors.UniqueViolation, match="step_runs_undone_once"):
        sql(compensation, second, old)
    mesh.cancel_run(first)
    steps.failing = {"c"}
    assert through_the_gate(mesh, second).status == "failed"
    assert steps.undone == []
