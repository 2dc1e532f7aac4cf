"""Workers that die, several workers at once, connections that break: no step is lost, none recorded twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Desk, Process

MIXED = ("acc.straight", "acc.diamond", "acc.wide", "acc.bumpy")
FLAKY = ("shaky",)  # steps that fail at their first attempt


def start_mixed(mesh: SquidMesh, count: int) -> None:
    """Start ``count`` runs, of each shape alike."""
    for name in MIXED:
        mesh.start_runs(name, [{}] * (count // len(MIXED)))


def expect_each_once(desk: Desk) -> None:
    """Check that every run completed, and that the ledger has each attempt of each step once."""
    assert desk.ask("SELECT status, count(*) FROM squidmesh.runs GROUP BY 1") == [
        ("completed", desk.one("SELECT count(*) FROM squidmesh.runs"))
    ]
    executions = Counter((run, step) for run, step, _ in desk.noted())
    assert {(step, count) for (_, step), count in executions.items() if count > 1} <= {(name, 2) for name in FLAKY}
    attempts = desk.ask(
        "SELECT s.run_id, s.step, count(*) FROM squidmesh.attempts a JOIN squidmesh.step_runs s "
        "ON s.id = a.step_run_id WHERE s.step <> 'rest' GROUP BY 1, 2"
    )
    recorded = {(run, step): count for run, step, count in attempts}
    assert recorded == executions
    assert (
        desk.one("SELECT count(*) FROM squidmesh.step_runs WHERE claim_token IS NOT NULL OR finished_at IS NULL") == 0
    )


def test_a_killed_worker_started_again_finishes_its_run(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any], tmp_path: Path
) -> None:
    """After kill -9 in the middle of a step that step is executed again; what had completed is not."""
    gate = tmp_path / "gate"
    run = mesh.start_run("acc.gated", {"gate": str(gate)})
    first = worker()
    until(lambda: [step for _, step, _ in desk.noted()] == ["before", "middle"])
    first.kill()
    gate.touch()

    worker()
    until(lambda: mesh.inspect_run(run.id).status == "completed")

    assert [step for _, step, _ in desk.noted()] == ["before", "middle", "middle", "behind"]
    history = mesh.inspect_run(run.id, include_history=True)
    assert [attempt.error and attempt.error["code"] for attempt in (history.steps or ())[1].attempts] == [
        "worker_lost",
        None,
    ]
    assert [event.type for event in history.audit_events or ()] == ["worker_lost"]


def test_two_workers_execute_each_step_once(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Two processes on 200 runs of mixed shape share the work, and no step run is executed twice."""
    worker("--concurrency", "4", SQUIDMESH_LEASE="20s")
    worker("--concurrency", "4", SQUIDMESH_LEASE="20s")
    until(lambda: len(mesh.list_workers()) == 2, 60)
    start_mixed(mesh, 200)
    until(lambda: desk.open_runs() == 0, 60)

    expect_each_once(desk)
    assert len(desk.ask("SELECT DISTINCT pid FROM ledger")) == 2


def test_broken_connections_lose_nothing(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """All of a worker's sessions are ended several times under load; it goes on, with each step recorded once."""
    start_mixed(mesh, 120)
    process = worker("--concurrency", "4", "--log-level", "warning", SQUIDMESH_LEASE="20s")
    for done in (5, 20, 40, 60, 80):
        until(lambda done=done: desk.one("SELECT count(*) FROM squidmesh.runs WHERE status = 'completed'") >= done, 60)
        desk.terminate_sessions()
    until(lambda: desk.open_runs() == 0, 60)
    until(lambda: any(query.startswith("LISTEN") for _, query in desk.sessions()))

    expect_each_once(desk)
    assert process.alive()
    assert process.wrote().count("trying again") < 30  # a pause before each try, not a hot loop
    assert " ERROR " not in process.wrote()


@pytest.mark.parametrize("cuts", [1, 3])
def test_a_commit_whose_answer_never_came_is_repeated_safely(
    cuts: int,
    mesh: SquidMesh,
    desk: Desk,
    worker: Callable[..., Process],
    until: Callable[..., Any],
    proxy: Any,
) -> None:
    """The connection breaks after the commit of an exchange: its steps are recorded once, its claims given back."""
    process = worker("--concurrency", "4", SQUIDMESH_LEASE="20s", SQUIDMESH_DATABASE_URL=proxy.url)
    proxy.swallow("INSERT INTO squidmesh.attempts", cuts)
    start_mixed(mesh, 40)
    until(lambda: desk.open_runs() == 0, 30)

    assert proxy.swallowed == cuts
    expect_each_once(desk)
    assert process.alive()


def test_claims_whose_answer_never_came_are_given_back(
    mesh: SquidMesh, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any], proxy: Any
) -> None:
    """Steps claimed by an exchange whose answer is lost are strays: executed at once, long before their lease ends."""
    start_mixed(mesh, 12)  # before the worker, so that its very first claims are cut off
    proxy.swallow("FROM unnest(ARRAY(SELECT id FROM picked)", 4)
    worker("--concurrency", "2", SQUIDMESH_LEASE="10m", SQUIDMESH_DATABASE_URL=proxy.url)
    until(lambda: desk.open_runs() == 0, 30)

    assert proxy.swallowed == 4
    expect_each_once(desk)
    assert desk.one("SELECT sum(losses) FROM squidmesh.step_runs") == 0
