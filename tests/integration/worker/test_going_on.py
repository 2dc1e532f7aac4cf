"""Threads that go on as soon as they have handed in what ended, and do not take on more than they can do."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.worker.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh import SquidMesh


def test_no_more_is_held_than_there_are_threads(mesh: SquidMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """While ends are recorded, threads are kept for what follows them: nothing else is claimed for these."""
    held: list[int] = []
    step = Recorder._step

    def step_and_count(recorder: Recorder) -> None:
        step(recorder)
        held.append(len(recorder._inflight))

    monkeypatch.setattr(Recorder, "_step", step_and_count)
    mesh.start_runs("a.b", [{}] * 300)
    with mesh.worker(concurrency=3) as worker:
        assert worker.wait_until_nothing_due(60)
    assert {run.status for run in mesh.list_runs(limit=300)} == {"completed"}
    assert max(held) == 3


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_slow_callback_holds_up_its_own_run_only(
    concurrency: int, mesh: SquidMesh, until: Callable[..., Any]
) -> None:
    """Whoever tells of an end is busy; the threads that are left execute everything else."""
    told, go_on = threading.Event(), threading.Event()
    first = mesh.start_run("a.b")

    def linger(event: dict[str, Any]) -> None:
        if event["run_id"] == str(first.id) and not told.is_set():
            told.set()
            go_on.wait(30)

    mesh.on("step.completed", linger)
    with mesh.worker(concurrency=concurrency):
        assert told.wait(30)
        others = mesh.start_runs("a.b", [{}] * 20)
        if concurrency > 1:
            until(lambda: all(mesh.inspect_run(run).status == "completed" for run in others))
            assert mesh.inspect_run(first.id).status == "running"
        go_on.set()
        until(lambda: all(mesh.inspect_run(run).status == "completed" for run in [first.id, *others]))


def test_what_callbacks_are_told_keeps_its_order(mesh: SquidMesh, until: Callable[..., Any]) -> None:
    """The end of a step is told before the beginning of the one that it hands over, whatever thread executes that."""
    told: dict[str, list[str]] = {}
    for name in ("step.started", "step.completed"):
        mesh.on(name, lambda event: told.setdefault(event["run_id"], []).append(f"{event['event']} {event['step']}"))
    runs = mesh.start_runs("a.b", [{}] * 50)
    with mesh.worker(concurrency=4):
        until(lambda: sum(map(len, told.values())) == 4 * len(runs))
    in_order = [f"step.{what} {step}" for step in ("one", "two") for what in ("started", "completed")]
    assert all(told[str(run)] == in_order for run in runs)
