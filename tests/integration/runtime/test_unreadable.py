"""Losses of runs whose definition cannot be read: told once, explained, and never in the way of others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from squidmesh.runtime import losses, unreadable
from tests.integration.hand_worker import failed, nothing

if TYPE_CHECKING:
    from uuid import UUID

    import pytest

    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

PAIR = """
workflow: shop.pair
triggers: {by_hand: {manual: {}, payload: {card: {type: string, default: "", sensitive: true}}}}
steps:
  one: {uses: t.work}
  two: {uses: t.work}
"""
ONE = "workflow: shop.one\ntriggers: {by_hand: {manual: {}}}\nsteps: {work: {uses: t.work, next: complete}}\n"
DAMAGE = "UPDATE squidmesh.definitions SET document = '{\"later\": {}}' WHERE workflow = 'shop.pair'"


def meshes(bench: Bench) -> tuple[SquidMesh, SquidMesh]:
    """Return one that has read the workflow, and one of another process, which has to ask the database for it."""
    return bench.mesh(PAIR + "\n---\n" + ONE, {"t.work": nothing}), bench.mesh(ONE, {"t.work": nothing})


def stopped(bench: Bench, mesh: SquidMesh) -> UUID:
    """Return a run that stops while a step runs, whose worker then dies."""
    run = mesh.start_run("shop.pair").id
    worker = bench.worker(mesh)
    first, _ = worker.claim(2)
    worker.end(first, failed())
    assert bench.run_row(run)["phase"] == "stopping"
    bench.advance(31)
    return run


def test_a_loss_that_cannot_be_read_is_told_once_and_explained(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """It is left alone for a while and then met again, one line says it, and the run says itself what it waits for."""
    mesh, other = meshes(bench)
    run = stopped(bench, mesh)
    bench.connection.execute(DAMAGE)
    sweeper = bench.worker(other)
    with caplog.at_level(logging.DEBUG, "squidmesh"):
        assert [sweeper.sweep() for _ in range(3)] == [1, 0, 0]
        monkeypatch.setattr(unreadable, "_LOOK_AGAIN", 0.0)
        assert [sweeper.sweep() for _ in range(3)] == [1, 1, 1]
    told = [record for record in caplog.records if "cannot be recorded" in record.getMessage()]
    assert len(told) == 1
    assert (told[0].levelname, told[0].exc_info) == ("ERROR", None)
    hash_ = bench.run_row(run)["definition_hash"]
    assert f"step two of run {run}" in told[0].getMessage()
    assert f"its definition {hash_} cannot be read here (" in told[0].getMessage()

    explained = other.explain_run(run)
    assert (explained.reason, explained.step, explained.next_actions) == ("stopping", "two", ("wait",))
    assert explained.details["lease_expired"] == ["two"]
    assert explained.details["definition_unreadable"].startswith(f"{hash_}: ")
    assert bench.worker(mesh).sweep() == 1  # who can read it takes it up
    assert bench.run_row(run)["status"] == "failed"
    ended = other.explain_run(run)
    assert (ended.reason, ended.next_actions) == ("step_failed", ())
    assert "definition_unreadable" in ended.details


def test_many_that_cannot_be_read_hold_up_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """They take no place in the batches of the sweeps that follow."""
    monkeypatch.setattr(losses, "BATCH", 2)
    mesh, other = meshes(bench)
    for run in mesh.start_runs("shop.pair", [{}, {}]):
        assert bench.counters(run)[0] == "pending"
    bench.worker(mesh).claim(4)
    good = mesh.start_run("shop.one")
    bench.worker(mesh).claim(1)
    bench.connection.execute(DAMAGE)
    bench.advance(31)
    sweeper = bench.worker(other)
    assert [sweeper.sweep() for _ in range(3)] == [2, 2, 1]
    assert bench.statuses(good) == {"work": "pending"}


def test_runs_that_cannot_be_read_are_listed_and_inspected_without_their_data(bench: Bench):
    """What stands about them in the tables is shown; their data is not, for who knows what of it is sensitive."""
    mesh, other = meshes(bench)
    run, neighbour = mesh.start_run("shop.pair", {"card": "4111"}).id, mesh.start_run("shop.one").id
    worker = bench.worker(mesh)
    worker.end(next(task for task in worker.claim(3) if task.claim.step == "one"), failed())
    bench.connection.execute(DAMAGE)
    listed = {found.id: found for found in other.list_runs()}
    assert set(listed) == {run, neighbour}
    assert (listed[run].status, listed[run].payload, listed[run].context) == ("running", {}, {})
    shown = other.inspect_run(run, include_history=True)
    assert [(step.step, step.status, step.input) for step in shown.step_runs] == [
        ("one", "failed", None),
        ("two", "running", None),
    ]
    assert shown.step_runs[0].last_error is not None
    assert shown.steps == ()
