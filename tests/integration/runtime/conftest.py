"""A bench for each test; making a database for each would take longer than the tests."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.runtime import firing, preparation
from squidmesh.runtime.retry import COMPENSATION_RETRY
from tests.conftest import fresh_database
from tests.integration.bench import Bench, connect, emptied
from tests.invariants import ledger, ticking
from tests.simulation.machine import RunMachine
from tests.simulation.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def bench_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a database with our tables that the tests of this folder take turns with."""
    with fresh_database(server_url, template) as url:
        with connect(url) as connection:
            # No test here pulls the plug, and none should wait for a disk.
            connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit = off')
        yield url


@pytest.fixture
def bench(bench_url: str, tmp_path: Path) -> Iterator[Bench]:
    """Meshes, workers and connections on a database with our tables, all of them empty."""
    emptied(bench_url)
    bench = Bench(bench_url, tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def make_twin(
    server_url: str,
    template: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Stored]]:
    """Make runs in Postgres for the simulation, one after the other in one database that has a ledger."""
    caplog.set_level(logging.CRITICAL, logger="squidmesh")
    # Both sides reckon the same delays only if none of them is left to chance.
    steady = replace(COMPENSATION_RETRY, backoff=replace(COMPENSATION_RETRY.backoff, jitter=False))
    monkeypatch.setattr(preparation, "COMPENSATION_RETRY", steady)
    with fresh_database(server_url, template) as url, connect(url) as connection:
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit = off')
        ledger.install(url)
        made: list[Stored] = []

        def make(*arguments: Any) -> Stored:
            close()
            emptied(url)
            ledger.emptied(connection)
            folder = tmp_path / f"twin{len(made)}"
            folder.mkdir()
            made.append(Stored(Bench(url, folder), *arguments))
            return made[-1]

        def close() -> None:
            if made:
                made[-1].close()

        yield make
        close()


@pytest.fixture
def with_twins(make_twin: Callable[..., Stored]) -> Callable[[type[Any]], type[Any]]:
    """Make machines whose runs have twins."""

    def make(machine: type[Any]) -> type[Any]:
        # Named as the machine, so that the same is drawn for it each time.
        return type(f"Stored{machine.__name__}", (machine,), {"make_twin": lambda _, *arguments: make_twin(*arguments)})

    return make


@pytest.fixture
def machine(with_twins: Callable[[type[Any]], type[Any]]) -> type[RunMachine]:
    """A machine whose run has a twin."""
    return with_twins(RunMachine)


@pytest.fixture
def few_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few ticks be caught up, so that an outage passes their limit."""
    monkeypatch.setattr(firing, "MOST_CAUGHT_UP", 4)
    monkeypatch.setattr(ticking, "MOST_CAUGHT_UP", 4)
