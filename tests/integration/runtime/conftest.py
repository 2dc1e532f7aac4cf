"""A bench for each test; making a database for each would take longer than the tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import fresh_database
from tests.integration.bench import Bench, connect, emptied
from tests.invariants import ledger
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
    server_url: str, template: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[..., Stored]]:
    """Make runs in Postgres for the simulation, one after the other in one database that has a ledger."""
    caplog.set_level(logging.CRITICAL, logger="squidmesh")
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
def machine(make_twin: Callable[..., Stored]) -> type[RunMachine]:
    """A machine whose runs have a twin each."""

    class StoredMachine(RunMachine):
        """The machine, with twins."""

        def make_twin(self, *arguments: Any) -> Stored:
            return make_twin(*arguments)

    return StoredMachine
