"""Pruning: finished runs go with every row of theirs, and nothing else does, whoever else is at work."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import ConfigurationError, RunNotFound
from squidmesh.runtime import pruning
from squidmesh.store import pruning as statements
from tests.integration.bench import set_clock

if TYPE_CHECKING:
    from uuid import UUID

    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.keep
triggers: {by_hand: {manual: {}}}
steps:
  work: {uses: t.work, output: done, compensate: t.work, next: ask}
  ask: {approval: {}, next: {ok: complete, error: complete}}
"""
DAY = 86_400
CHILDREN = {
    "step_runs": "SELECT count(*) AS n FROM squidmesh.step_runs s WHERE NOT EXISTS "
    "(SELECT 1 FROM squidmesh.runs r WHERE r.id = s.run_id)",
    "attempts": "SELECT count(*) AS n FROM squidmesh.attempts a WHERE NOT EXISTS "
    "(SELECT 1 FROM squidmesh.step_runs s WHERE s.id = a.step_run_id)",
    "attempt_spans": "SELECT count(*) AS n FROM squidmesh.attempt_spans a WHERE NOT EXISTS "
    "(SELECT 1 FROM squidmesh.step_runs s WHERE s.id = a.step_run_id)",
    "audit_events": "SELECT count(*) AS n FROM squidmesh.audit_events e WHERE NOT EXISTS "
    "(SELECT 1 FROM squidmesh.runs r WHERE r.id = e.run_id)",
}


def work() -> dict[str, int]:
    """Do something."""
    return {"a": 1}


@pytest.fixture
def mesh(bench: Bench) -> SquidMesh:
    """A mesh with a workflow that acts, then waits for a person."""
    return bench.mesh(FLOW, {"t.work": work})


def paused(mesh: SquidMesh, count: int) -> list[UUID]:
    """Start runs and bring them to where they wait for a person."""
    ids = mesh.start_runs("shop.keep", [{}] * count)
    with mesh.worker() as worker:
        assert worker.wait_until_nothing_due(30)
    return ids


def finished(mesh: SquidMesh, count: int) -> list[UUID]:
    """Return runs that were cancelled."""
    ids = paused(mesh, count)
    for id_ in ids:
        mesh.cancel_run(id_, actor="ops")
    return ids


def orphans(bench: Bench) -> dict[str, int]:
    """Count the rows of each table whose run is not there."""
    return {table: row["n"] for table, query in CHILDREN.items() for row in bench.rows(query)}


def test_a_pruned_run_leaves_nothing_and_others_stay(bench: Bench, mesh: SquidMesh):
    """Steps, attempts and audit events go with it; an open run, and one that ended lately, keep all of theirs."""
    old, (waiting,) = finished(mesh, 3), paused(mesh, 1)
    bench.connection.execute("INSERT INTO squidmesh.attempt_spans SELECT step_run_id, 1, '00' FROM squidmesh.attempts")
    set_clock(bench.connection, 40 * DAY)
    (recent,) = finished(mesh, 1)
    set_clock(bench.connection, 41 * DAY)
    before = mesh.inspect_run(recent, include_history=True)
    would = mesh.prune("30d", dry_run=True)
    assert (would.runs, would.step_runs, would.attempts, would.audit_events) == (3, 6, 3, 6)
    assert would.dry_run
    assert len(mesh.list_runs()) == 5
    gone = mesh.prune("30d")
    assert (gone.runs, gone.step_runs, gone.attempts, gone.audit_events) == (3, 6, 3, 6)
    assert orphans(bench) == dict.fromkeys(CHILDREN, 0)
    for id_ in old:
        with pytest.raises(RunNotFound):
            mesh.inspect_run(id_)
    assert mesh.inspect_run(recent, include_history=True) == before
    assert mesh.explain_run(waiting).reason == "paused_for_approval"
    assert mesh.prune("30d").runs == 0


def test_a_replay_outlives_its_original(bench: Bench, mesh: SquidMesh):
    """The run that was replayed goes after it has ended; it can still be inspected, explained and replayed."""
    (first,) = finished(mesh, 1)
    set_clock(bench.connection, 40 * DAY)
    again = mesh.replay_run(first, from_step="ask", actor="ops")
    assert mesh.prune("30d").runs == 0
    mesh.cancel_run(again.id)
    assert mesh.prune("30d").runs == 1
    assert mesh.inspect_run(again.id, include_history=True).replayed_from == first
    assert mesh.explain_run(again.id).status == "cancelled"
    assert mesh.replay_run(again.id, from_step="ask").replayed_from == again.id


def test_many_batches_are_told_one_by_one(bench: Bench, mesh: SquidMesh, monkeypatch: pytest.MonkeyPatch):
    """Each batch is a transaction of its own, and whoever asked is told how many have gone."""
    monkeypatch.setattr(pruning, "BATCH", 2)
    finished(mesh, 5)
    set_clock(bench.connection, 1)
    told: list[int] = []
    mesh.prune("0s", on_batch=lambda gone: told.append(gone.runs))
    assert told == [2, 4, 5]


def test_two_pruners_at_once_share_the_work(bench: Bench, mesh: SquidMesh, monkeypatch: pytest.MonkeyPatch):
    """Every run is counted once between them, nothing is left, and neither waits for the other's locks."""
    monkeypatch.setattr(pruning, "BATCH", 3)
    finished(mesh, 40)
    set_clock(bench.connection, 1)
    start = threading.Barrier(2)

    def prune(_: int) -> int:
        with bench.mesh(FLOW, {"t.work": work}) as other:
            start.wait()
            return other.prune("0s").runs

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(prune, range(2)))
    assert sum(counts) == 40
    assert mesh.list_runs() == []
    assert orphans(bench) == dict.fromkeys(CHILDREN, 0)


def test_a_run_that_somebody_has_locked_is_passed_over(bench: Bench, mesh: SquidMesh):
    """It is not waited for; the next pruning takes it."""
    locked, free = finished(mesh, 2)
    set_clock(bench.connection, 1)
    other = bench.connect()
    with other.transaction():
        other.execute("SELECT 1 FROM squidmesh.runs WHERE id = %s FOR NO KEY UPDATE", [locked])
        assert mesh.prune("0s").runs == 1
        with pytest.raises(RunNotFound):
            mesh.inspect_run(free)
    assert mesh.prune("0s").runs == 1


def test_workers_apply_the_retention(bench: Bench):
    """With the setting, a worker deletes what has passed it, and keeps the rest; without it, nothing goes."""
    mesh = bench.mesh(FLOW, {"t.work": work}, retention="30d", sweep_interval="50ms")
    old = finished(mesh, 2)
    (waiting,) = paused(mesh, 1)
    set_clock(bench.connection, 31 * DAY)
    keeping = bench.mesh(FLOW, {"t.work": work}, sweep_interval="50ms")
    with keeping.worker() as worker:
        assert worker.wait_until_nothing_due(20)
    assert len(mesh.list_runs()) == 3
    patience = time.monotonic() + 20
    with mesh.worker():
        while len(mesh.list_runs()) > 1:
            assert time.monotonic() < patience, "nothing was deleted"
            time.sleep(0.02)
    assert [run.id for run in mesh.list_runs()] == [waiting]
    assert {run.id for run in mesh.list_runs()}.isdisjoint(old)
    assert orphans(bench) == dict.fromkeys(CHILDREN, 0)


def test_a_moment_that_nobody_gave_is_asked_for(mesh: SquidMesh):
    """Without an age and without the setting nothing is deleted by guess; a wrong duration is named."""
    with pytest.raises(ConfigurationError, match="how old may finished runs be"):
        mesh.prune()
    with pytest.raises(ValueError, match="is not a duration"):
        mesh.prune("a month")


def test_clocks_that_differ_by_hours_hide_no_run(bench: Bench, mesh: SquidMesh):
    """A run whose id was made by a machine whose clock runs ahead goes as well."""
    (run,) = finished(mesh, 1)
    ahead = statements.first_id_of(datetime.now(UTC) + timedelta(hours=6))
    bench.connection.execute("UPDATE squidmesh.runs SET id = %s WHERE id = %s", [ahead, run])
    set_clock(bench.connection, 1)
    assert mesh.prune("0s").runs == 1
