"""The same rules as over the pure core, over Postgres: row by row what the model says, every invariant kept."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import fresh_database
from tests.integration.bench import Bench, connect, emptied
from tests.invariants import ledger
from tests.simulation.machine import RunMachine, simulated
from tests.simulation.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def machine(server_url: str, template: str, tmp_path: Path) -> Iterator[type[RunMachine]]:
    """A machine whose runs have a twin each, one after the other in one database."""
    with fresh_database(server_url, template) as url:
        ledger.install(url)
        with connect(url) as connection:
            connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit = off')
        numbers = itertools.count()

        class StoredMachine(RunMachine):
            """The machine, with a twin."""

            def make_twin(self, *arguments: Any) -> Stored:
                with connect(url) as own:
                    emptied(url)
                    ledger.emptied(own)
                folder = tmp_path / str(next(numbers))
                folder.mkdir()
                return Stored(Bench(url, folder), *arguments)

            def teardown(self) -> None:
                try:
                    super().teardown()
                finally:
                    if self.run is not None and self.run.twin is not None:
                        self.run.twin.close()

        yield StoredMachine


def test_any_run_in_postgres_is_what_the_model_says(machine: type[RunMachine]) -> None:
    """Claims, groups, chains, losses, sweeps, decisions and cancels at random: no row differs, no invariant breaks."""
    run_state_machine_as_test(machine, settings=simulated(int(__import__("os").environ.get("N", "60"))))
