"""What the statements promise beside their results: cheap updates, bounded locks, one clock."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from squidmesh.runtime import wakeups
from squidmesh.store.claims import extend_leases
from squidmesh.store.runs import lock_run
from squidmesh.store.tables import metadata
from tests.integration.hand_worker import failed, nothing, succeeded

if TYPE_CHECKING:
    import pytest

    from squidmesh import SquidMesh
    from tests.integration.bench import Bench

FLOW = """
workflow: shop.kept
triggers: {by_hand: {manual: {}}}
timeout: 90d
on_failure: {uses: t.work}
steps:
  one: {uses: t.work, compensate: t.work, next: two}
  two: {uses: t.work, retry: {max_attempts: 2}, next: {ok: ask}}
  ask: {approval: {deadline: 1h, on_deadline: approve}, next: {ok: last, error: fail}}
  last: {uses: t.work, next: complete}
"""


def kept(bench: Bench) -> SquidMesh:
    """Return a mesh with ``FLOW``."""
    return bench.mesh(FLOW, {"t.work": nothing})


def hot_updates(connection: Any, table: str) -> tuple[int, int]:
    """Return (updates, HOT updates) of a table that a connection has made lately."""
    (row,) = connection.execute(
        "SELECT pg_stat_get_xact_tuples_updated(%(t)s::regclass) AS n, "
        "pg_stat_get_xact_tuples_hot_updated(%(t)s::regclass) AS hot",
        {"t": f"squidmesh.{table}"},
    ).fetchall()
    return row[0], row[1]


def test_a_heartbeat_touches_no_index(bench: Bench):
    """No index holds the lease: extending it is a HOT update."""
    mesh = kept(bench)
    for _ in range(5):
        mesh.start_run("shop.kept")
    worker = bench.worker(mesh)
    held = [(task.claim.id, task.claim.token) for task in worker.claim(5)]
    with worker.connection.transaction():
        updates, hot = hot_updates(worker.connection, "step_runs")
        assert len(extend_leases(mesh.database, worker.connection, held, worker.lease)) == 5
        assert hot_updates(worker.connection, "step_runs") == (updates + 5, hot + 5)


def test_what_a_claim_shows_of_its_run_touches_no_index(bench: Bench):
    """Lists and searches of runs cost no claim an index entry: none is about the status."""
    mesh = kept(bench)
    for _ in range(5):
        mesh.start_run("shop.kept")
    worker = bench.worker(mesh)
    with worker.connection.transaction():
        updates, hot = hot_updates(worker.connection, "runs")
        assert len(worker.look(5).claims) == 5
        assert hot_updates(worker.connection, "runs") == (updates + 5, hot + 5)


def test_a_slow_path_that_hangs_does_not_hold_its_run_for_ever(bench: Bench):
    """Whoever locks a run and then says nothing for five seconds is ended by the server."""
    mesh = kept(bench)
    run = mesh.start_run("shop.kept")
    with mesh.database.transaction() as connection:
        assert lock_run(connection, run.id) is not None
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "5s"


def test_every_time_that_is_stored_is_the_databases(bench: Bench):
    """With its clock moved two days ahead, no row of any table holds a time of today."""
    bench.advance(2 * 86400)
    mesh = kept(bench)
    worker = bench.worker(mesh)
    good, bad, cancelled = (mesh.start_run("shop.kept").id for _ in range(3))
    mesh.cancel_run(cancelled, actor="ann")
    for task in worker.claim(9):
        worker.end(task, succeeded())
    for task in worker.claim(9):
        worker.end(task, succeeded() if task.claim.run.id == good else failed(retryable=True, delay=timedelta()))
    for task in worker.claim(9):
        worker.end(task, failed() if task.claim.run.id == bad else worker.execute(task))
    mesh.approve_run(good, actor="ann")
    worker.drain()
    mesh.replay_run(good)
    statuses = {str(mesh.inspect_run(run).status) for run in (good, bad, cancelled)}
    assert statuses == {"completed", "failed", "cancelled"}
    (row,) = bench.rows("SELECT clock_timestamp() + interval '47 h' AS soon")
    times = [
        (name, column, value)
        for name in metadata.tables
        for found in bench.rows(f"SELECT * FROM {name}")
        for column, value in found.items()
        if isinstance(value, datetime)
    ]
    assert {name.split(".")[1] for name, _, _ in times} >= {"runs", "step_runs", "attempts", "audit_events"}
    assert [item for item in times if item[2] < row["soon"]] == []


def test_wake_ups_are_sent_at_most_once_in_ten_milliseconds(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """However many rows become due, a process announces them together, ten milliseconds apart."""
    sent: list[float] = []
    # A send that takes no time, so that nothing but the pause keeps them apart.
    monkeypatch.setattr(wakeups, "notify", lambda _, due_in: sent.append(due_in))
    notifier = kept(bench).engine.notifier
    began = time.monotonic()
    while time.monotonic() < began + 0.3:
        notifier.announce(timedelta())
    notifier.close()
    assert 1 <= len(sent) <= (time.monotonic() - began) / 0.01 + 2
