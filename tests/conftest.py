"""Databases for tests: one server for the session, a fresh database for each test that asks.

``--database URL`` (or ``SQUIDMESH_TEST_DATABASE``) names a server whose user may create databases; without
it a private embedded server is started, shared by all processes of the session.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from squidmesh.store.embedded import EmbeddedServer
from squidmesh.store.engine import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

_GIVEN = "SQUIDMESH_TEST_DATABASE"
_FOLDER = "SQUIDMESH_TEST_FOLDER"
_FAULTS = Path(__file__).with_name("chaos")
_made = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names a server."""
    parser.addoption("--database", metavar="URL", help="PostgreSQL server to test on (default: an embedded one)")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the session's embedded server; the processes of pytest-xdist inherit its name."""
    if hasattr(config, "workerinput"):
        return
    # Not pytest's own folder: it is closed to the unprivileged user who runs the server when root tests.
    folder = Path(tempfile.mkdtemp(prefix="squidmesh-tests-"))
    folder.chmod(0o755)
    config.stash[_made] = folder
    os.environ[_FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder again, after the last process has stopped the server."""
    if folder := config.stash.get(_made, None):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run half as many test processes again as there are processors: much of what they do is waiting."""
    return max((os.cpu_count() or 1) * 3 // 2, 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the faults among the other files where processes share the work.

    They wait more than they compute: at the end of a run nothing would be left to do beside them.
    """
    faults = [item for item in items if item.path.is_relative_to(_FAULTS)]
    others = [item for item in items if not item.path.is_relative_to(_FAULTS)]
    if not hasattr(config, "workerinput") or not others:
        return
    files = [list(group) for _, group in groupby(others, key=lambda item: item.path)]
    for index, fault in enumerate(faults):
        files[index * len(files) // len(faults)].append(fault)
    items[:] = chain.from_iterable(files)


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the session's server."""
    given = request.config.getoption("--database") or os.environ.get(_GIVEN)
    if given:
        yield str(given)
        return
    with EmbeddedServer(Path(os.environ[_FOLDER]) / ".squidmesh") as server:
        _hurry(server.url)
        yield server.url


def _hurry(url: str) -> None:
    """Let a server that is thrown away not wait for the disk: what a crash of the machine would lose is lost anyway."""
    libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a database that has our tables, to be copied."""
    with fresh_database(server_url, None) as url:
        database = Database(url)
        database.migrate()
        database.close()
        yield str(make_url(url).database)


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a fresh database with our tables."""
    with fresh_database(server_url, template) as url:
        yield url


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """The URL of a fresh database without any table."""
    with fresh_database(server_url, None) as url:
        yield url


@contextmanager
def fresh_database(server_url: str, template: str | None) -> Iterator[str]:
    """Make a database, as a copy of ``template`` if one is named, and drop it at the end."""
    name = f"squidmesh_test_{uuid.uuid4().hex[:12]}"
    libpq = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(libpq, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
