"""What work costs, counted: transactions of a run, statements and connections of an idle process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from squidmesh import SquidMesh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.conftest import Desk, Process
    from tests.acceptance.proxy import Proxy

QUIET = {"SQUIDMESH_SWEEP_INTERVAL": "10m", "SQUIDMESH_POLL_INTERVAL": "10m", "SQUIDMESH_LEASE": "10m"}
IDLE_SECONDS = 6


def test_a_straight_run_costs_one_transaction_a_step(
    database_url: str, project: Path, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """Five steps consume six transaction ids (the claim, and one a step), the start one and its wake-up one.

    Others may use the server meanwhile, so the least of as many runs counts as it takes.
    """
    process = worker(**QUIET)
    until(lambda: "listening for wake-ups" in process.wrote())
    costs = []
    with SquidMesh(database_url, folder=project) as mesh:
        for number in range(100):
            before = desk.one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            mesh.start_run("acc.straight")
            until(lambda: desk.open_runs() == 0)
            after = desk.one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            ledger = 5  # the steps' own lines
            costs.append(after - before - ledger)
            assert len(desk.noted()) == 5 * (number + 1)
            if costs[-1] <= 6 + 2:
                break
    assert min(costs) == 6 + 2


def test_a_straight_run_costs_one_round_trip_a_step(
    database_url: str,
    project: Path,
    desk: Desk,
    worker: Callable[..., Process],
    until: Callable[..., Any],
    proxy: Proxy,
) -> None:
    """One statement claims the run, one records each step, and nothing frames them; the last looks for more besides.

    A wake-up that came late may make the worker look once more for nothing.
    """
    process = worker(SQUIDMESH_DATABASE_URL=proxy.url, **QUIET)
    until(lambda: "listening for wake-ups" in process.wrote())
    with SquidMesh(database_url, folder=project) as mesh:
        mesh.start_run("acc.straight")  # from then on the statements are prepared
        until(lambda: desk.open_runs() == 0)
        time.sleep(0.5)  # the looks for more are over
        proxy.statements.clear()
        proxy.round_trips = 0
        mesh.start_run("acc.straight")
        until(lambda: desk.open_runs() == 0)
        time.sleep(0.5)
    records = [sent for sent in proxy.statements if "done AS (" in sent]
    claims = [sent for sent in proxy.statements if "picked AS MATERIALIZED" in sent]
    assert len(records) == 5
    assert 2 <= len(claims) <= 4
    assert len(proxy.statements) == len(records) + len(claims), proxy.statements
    assert proxy.round_trips <= len(records) + len(claims) - 1  # the last record and a claim go together


def test_many_threads_share_statements(
    database_url: str,
    project: Path,
    desk: Desk,
    worker: Callable[..., Process],
    until: Callable[..., Any],
    proxy: Proxy,
) -> None:
    """What ends while a statement is under way is recorded together by the next: fewer statements than steps."""
    process = worker("--concurrency", "16", SQUIDMESH_DATABASE_URL=proxy.url, **QUIET)
    until(lambda: "listening for wake-ups" in process.wrote())
    with SquidMesh(database_url, folder=project) as mesh:
        mesh.start_runs("acc.straight", [{}] * 60)
        until(lambda: desk.open_runs() == 0, 60)
    records = [sent for sent in proxy.statements if "done AS (" in sent]
    assert len(records) < 60 * 5


def test_an_idle_worker_is_quiet(
    worker: Callable[..., Process], until: Callable[..., Any], desk: Desk, proxy: Proxy
) -> None:
    """With the default settings an idle process sends at most two statements a second, over at most five connections.

    One of these listens, one belongs to the database loop, one to the sweep, two to the pool; heartbeats open
    a sixth when something runs.
    """
    defaults = {"SQUIDMESH_LEASE": "30s", "SQUIDMESH_POLL_INTERVAL": "1s", "SQUIDMESH_SWEEP_INTERVAL": "5s"}
    process = worker(SQUIDMESH_DATABASE_URL=proxy.url, **defaults)
    until(lambda: "listening for wake-ups" in process.wrote())
    time.sleep(1)  # the first sweep and the first look are over
    proxy.statements.clear()
    time.sleep(IDLE_SECONDS)
    sent = list(proxy.statements)

    assert len(sent) <= 2 * IDLE_SECONDS, sent
    assert sum("picked AS MATERIALIZED" in statement for statement in sent) >= IDLE_SECONDS - 2  # it does look
    sessions = [query for _, query in desk.sessions()]
    assert len(sessions) <= 5, sessions
    assert sum(query.startswith("LISTEN") for query in sessions) == 1


def test_a_busy_worker_opens_few_connections(
    database_url: str, project: Path, desk: Desk, worker: Callable[..., Process], until: Callable[..., Any]
) -> None:
    """However many threads execute, a process never has more than eight sessions, one of them listening."""
    process = worker("--concurrency", "16", SQUIDMESH_LEASE="1s")
    until(lambda: "listening for wake-ups" in process.wrote())
    with SquidMesh(database_url, folder=project) as mesh:
        mesh.start_runs("acc.sleepy", [{"seconds": 1.5}] * 16)
        mesh.start_runs("acc.bumpy", [{}] * 40)
    seen: list[list[str]] = []

    def finished() -> bool:
        seen.append([query for _, query in desk.sessions()])
        return desk.open_runs() == 0

    until(finished, 60)
    assert max(len(sessions) for sessions in seen) <= 8
    assert max(sum(query.startswith("LISTEN") for query in sessions) for sessions in seen) == 1
