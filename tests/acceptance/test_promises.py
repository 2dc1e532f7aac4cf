"""What a worker does not do: run more than its threads, hold transactions, favour a chain, stand in others' way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import SquidMesh, StepContext
from squidmesh.worker import recorder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.conftest import Desk

HANDED_OVER = """
SELECT count(*) FROM squidmesh.step_runs a JOIN squidmesh.step_runs b ON b.run_id = a.run_id
WHERE b.started_at = a.finished_at
"""
IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'squidmesh' AND state LIKE 'idle in transaction%%'
"""
BOOKING = """
workflow: acc.booking
triggers: {go: {manual: {}}}
steps:
  book: {uses: acc.book, transaction: true, timeout: 1m, next: behind}
  behind: {uses: acc.note, next: complete}
"""


def test_a_worker_takes_no_more_than_it_has_threads(
    mesh: SquidMesh, desk: Desk, until: Callable[..., Any], tmp_path: Path
) -> None:
    """What is due beyond them stays for others, and no transaction is open while callables run."""
    gate = tmp_path / "gate"
    mesh.start_runs("acc.gated", [{"gate": str(gate)}] * 6)
    with mesh.worker(concurrency=2):
        until(lambda: [step for _, step, _ in desk.noted()].count("middle") == 2)
        assert desk.one("SELECT count(*) FROM squidmesh.step_runs WHERE status = 'running'") == 2
        until(lambda: desk.one(IN_TRANSACTION) == 0)
        gate.touch()
        until(lambda: desk.open_runs() == 0)


@pytest.mark.parametrize("limit", [None, 0.0])
def test_a_chain_gives_way_after_its_time(
    mesh: SquidMesh, desk: Desk, until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, limit: float | None
) -> None:
    """While it is young its steps are handed over; past the limit the next one waits its turn like any other."""
    if limit is not None:
        monkeypatch.setattr(recorder, "CHAIN_LIMIT", limit)
    mesh.start_run("acc.straight")
    with mesh.worker(concurrency=1):
        until(lambda: desk.open_runs() == 0)
    assert (desk.one(HANDED_OVER) > 0) == (limit is None)


def test_a_transaction_of_a_step_stands_in_nobodys_way(
    database_url: str, desk: Desk, until: Callable[..., Any], tmp_path: Path
) -> None:
    """While the callable runs its lease is extended, and a cancel returns at once; what it wrote then stands."""
    entered, go_on, told = threading.Event(), threading.Event(), []

    def book(ctx: StepContext) -> None:
        ctx.connection.exec_driver_sql("INSERT INTO ledger (run_id, event) VALUES (gen_random_uuid(), 'booked')")
        entered.set()
        until(lambda: ctx.cancelled)
        told.append(True)
        assert go_on.wait(20)

    (tmp_path / "booking.yaml").write_text(BOOKING)
    steps = {"acc.book": book, "acc.note": lambda: None}
    with SquidMesh(database_url, tmp_path / "booking.yaml", steps, folder=tmp_path, lease="1s") as host:
        run = host.start_run("acc.booking")
        with host.worker(concurrency=1):
            assert entered.wait(20)
            claimed = "SELECT lease_until FROM squidmesh.step_runs"
            before = desk.one(claimed)
            until(lambda: desk.one(claimed) > before)
            assert host.cancel_run(run.id).status == "cancelling"
            until(lambda: told)
            go_on.set()
            until(lambda: host.inspect_run(run.id).status == "cancelled")
    assert desk.one("SELECT count(*) FROM ledger WHERE event = 'booked'") == 1
    assert desk.ask("SELECT step, status FROM squidmesh.step_runs") == [("book", "completed")]
