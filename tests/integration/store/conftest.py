"""A bench for each test; making a database for each would take longer than the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import fresh_database
from tests.integration.bench import Bench, connect, emptied

if TYPE_CHECKING:
    from collections.abc import Iterator
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
