"""A database in which runs of every kind have lived, for looking at what the checker says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import fresh_database
from tests.integration.bench import Bench
from tests.invariants import ledger
from tests.invariants.steps import ledger_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOWS = """
workflow: inv.joined
triggers: {go: {manual: {}}, tick: {cron: "*/5 * * * *", catch_up: all}}
steps:
  top: {uses: ledger.work}
  left: {uses: ledger.work, after: [top]}
  right: {uses: ledger.work, after: [top]}
  unneeded: {uses: ledger.work, after: [top], when: "run.trigger == 'nobody'"}
  bottom: {uses: ledger.book, transaction: true, timeout: 10s, after: [left, right, unneeded]}
---
workflow: inv.routed
triggers: {go: {manual: {}}}
steps:
  shaky:
    uses: ledger.flaky
    retry: {max_attempts: 2, backoff: {type: constant, min: 10ms, max: 10ms, jitter: false}}
    next: rest
  rest: {wait: 20ms, next: ask}
  ask: {approval: {deadline: 1h, on_deadline: fail}, next: {ok: broken, error: fail}}
  broken: {uses: ledger.fail, next: {ok: complete, error: mended}}
  mended: {uses: ledger.work, irreversible: true, next: complete}
---
workflow: inv.saga
triggers: {go: {manual: {}}}
on_failure: {uses: ledger.work}
steps:
  one: {uses: ledger.work, compensate: ledger.undo}
  two: {uses: ledger.work, compensate: ledger.undo, after: [one]}
  broken: {uses: ledger.fail, after: [two]}
  never: {uses: ledger.work, after: [broken]}
---
workflow: inv.late
triggers: {go: {manual: {}}}
timeout: 1h
steps:
  ask: {approval: {deadline: 10m, on_deadline: approve}}
  long: {wait: 5h}
"""


def live(bench: Bench, url: str) -> None:
    """Let runs of every kind live through what they can."""
    book = ledger.Ledger(url)
    mesh = bench.mesh(WORKFLOWS, ledger_steps(book), poll_interval="50ms", sweep_interval="100ms")
    started = [mesh.start_run(name).id for name in ("inv.joined", "inv.routed", "inv.saga", "inv.late")]
    book.acknowledge(started)
    for ahead in (0, 1200, 4000):
        bench.advance(ahead)
        with mesh.worker(concurrency=2) as worker:
            assert worker.wait_until_nothing_due(30)
            if not ahead:
                mesh.approve_run(started[1], actor="ann")
            assert worker.wait_until_nothing_due(30)
    book.close()


@pytest.fixture(scope="session")
def world_url(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of that database; nobody is at work in it any more."""
    with fresh_database(server_url, template) as url:
        ledger.install(url)
        bench = Bench(url, tmp_path_factory.mktemp("world"))
        try:
            live(bench, url)
        finally:
            bench.close()
        yield url


@pytest.fixture
def world(world_url: str) -> Iterator[psycopg.Connection[Any]]:
    """That database in a transaction of the test's own, which is rolled back."""
    with psycopg.connect(ledger.libpq(world_url), application_name="ledger") as connection:
        yield connection
        connection.rollback()
