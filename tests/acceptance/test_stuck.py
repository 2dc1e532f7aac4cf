"""Threads that never come back: a process that has none left ends, and another takes up its work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Desk, Process


def test_a_process_all_of_whose_threads_are_stuck_drains_and_exits(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """A lease after the timeout of its last thread it exits 3, at once, so that a supervisor starts another."""
    hanging = mesh.start_runs("acc.timed", [{"seconds": 3600.0}] * 2)
    process = worker("--concurrency", "2", SQUIDMESH_LEASE="1s", SQUIDMESH_GRACE="1h")
    until(lambda: len(desk.noted()) == 2)
    waiting = mesh.start_run("acc.straight")
    assert process.ended(60) == 3
    assert "every thread hangs in a step that has passed its timeout" in process.wrote()
    assert desk.one("SELECT count(*) FROM squidmesh.workers") == 0
    codes = "SELECT a.error->>'code' FROM squidmesh.attempts a"
    assert desk.ask(codes) == [("step_timed_out",)] * 2
    assert desk.one("SELECT count(*) FROM squidmesh.step_runs WHERE claim_token IS NOT NULL") == 0

    worker("--concurrency", "3")
    until(lambda: mesh.inspect_run(waiting.id).status == "completed")
    until(lambda: {mesh.inspect_run(id_).status for id_ in hanging} == {"completed"}, 60)


def test_a_thread_that_comes_back_keeps_its_process(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Late, but before a lease has passed since the timeout: the process goes on with what is due."""
    mesh.start_run("acc.timed", {"seconds": 0.8})
    process = worker("--concurrency", "1", SQUIDMESH_LEASE="5s")
    until(lambda: len(desk.noted("cancelled")) == 1)
    run = mesh.start_run("acc.straight")
    until(lambda: mesh.inspect_run(run.id).status == "completed")
    assert process.alive()
