"""Real processes on a real database: the command line, workers to kill, a proxy that cuts connections."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import make_url

from squidmesh import SquidMesh
from tests.acceptance.commands import commands
from tests.acceptance.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PROJECT = Path(__file__).with_name("project")
_LEDGER = """
CREATE TABLE ledger (id bigserial PRIMARY KEY, run_id uuid, step text, attempt int, pid int, event text,
    at timestamptz DEFAULT clock_timestamp())
"""
_QUICK = {
    "SQUIDMESH_LEASE": "2s",
    "SQUIDMESH_SWEEP_INTERVAL": "500ms",
    "SQUIDMESH_POLL_INTERVAL": "200ms",
    "SQUIDMESH_GRACE": "10s",
}


def eventually(holds: Callable[[], Any], within: float = 20.0) -> Any:
    """Return what ``holds`` returns once that is true; fail if it does not become so."""
    until = time.monotonic() + within
    while not (answer := holds()):
        if time.monotonic() > until:
            pytest.fail(f"it did not happen within {within} s")
        time.sleep(0.02)
    return answer


class Desk:
    """The tests' own view of the database, past the code under test."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.connection = psycopg.connect(self.url, autocommit=True, application_name="desk")
        self.connection.execute(_LEDGER)
        # These tests end processes and sessions, never the server: waiting for the disk would only cost time.
        name = self.connection.info.dbname
        self.connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """Return the one value that a query gives."""
        return self.ask(query, *values)[0][0]

    def noted(self, event: str = "start") -> list[tuple[Any, ...]]:
        """Return (run, step, attempt) of the ledger's lines of one kind, in order."""
        return self.ask("SELECT run_id, step, attempt FROM ledger WHERE event = %s ORDER BY id", event)

    def open_runs(self) -> int:
        """Return how many runs have not ended."""
        return int(self.one("SELECT count(*) FROM squidmesh.runs WHERE finished_at IS NULL"))

    def sessions(self) -> list[tuple[int, str]]:
        """Return (pid, last statement) of the sessions of the workers."""
        return self.ask(
            "SELECT pid, query FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'squidmesh' AND backend_type = 'client backend'"
        )

    def terminate_sessions(self) -> None:
        """End every session of the workers, that of LISTEN too."""
        for pid, _ in self.sessions():
            self.ask("SELECT pg_terminate_backend(%s)", pid)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """A connection to look with, and the ledger that steps write."""
    desk = Desk(database_url)
    yield desk
    desk.connection.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the tests' project folder: workflows and step types."""
    return Path(shutil.copytree(_PROJECT, tmp_path / "project"))


@pytest.fixture
def mesh(database_url: str, desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SquidMesh]:
    """A host in the process of the test."""
    monkeypatch.setenv("LEDGER_URL", desk.url)
    with SquidMesh(database_url, folder=project, lease="2s", poll_interval="200ms", sweep_interval="500ms") as mesh:
        yield mesh
    if "acceptance_steps" in sys.modules:
        sys.modules["acceptance_steps"].close()


class Process:
    """One ``python -m squidmesh``, its output in a file."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("w") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "squidmesh", *arguments],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End the process without a word, as kill -9 does."""
        self.popen.kill()
        self.popen.wait(10)

    def ended(self, within: float = 20.0) -> int:
        """Wait for the end of the process, and return its exit code."""
        return self.popen.wait(within)

    def alive(self) -> bool:
        """Say whether the process runs."""
        return self.popen.poll() is None

    def wrote(self) -> str:
        """Return what the process has printed so far."""
        return self.log.read_text()


@pytest.fixture
def environment(database_url: str, desk: Desk) -> dict[str, str]:
    """The environment of a process on the test's database, with short leases and intervals."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SQUIDMESH_")}
    return kept | _QUICK | {"SQUIDMESH_DATABASE_URL": database_url, "LEDGER_URL": desk.url}


@pytest.fixture
def worker(environment: dict[str, str], project: Path, desk: Desk, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start worker processes and wait until each is present; those that still run are killed afterwards."""
    started: list[Process] = []

    def start(*options: str, **variables: str) -> Process:
        process = Process(("run", *options), project, environment | variables, tmp_path / f"worker-{len(started)}.log")
        started.append(process)
        query = "SELECT count(*) FROM squidmesh.workers WHERE pid = %s"
        eventually(lambda: desk.one(query, process.pid) or not process.alive())
        return process

    yield start
    for process in started:
        if process.alive():
            process.kill()


@pytest.fixture
def squidmesh(environment: dict[str, str], project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one command to its end; ``anew`` is for what an interpreter does when it begins."""

    def run(
        *arguments: str, folder: Path = project, without: str = "", anew: bool = False, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        chosen = {name: value for name, value in (environment | variables).items() if name != without}
        if not anew:
            return commands().run(arguments, folder=folder, environment=chosen)
        program = [sys.executable, "-m", "squidmesh", *arguments]
        return subprocess.run(
            program,
            cwd=folder,
            env=chosen,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """A proxy to the test's database."""
    proxy = Proxy(database_url)
    yield proxy
    proxy.close()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait for something to become true."""
    return eventually


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def stop_signal(request: pytest.FixtureRequest) -> int:
    """A signal that asks a worker to stop."""
    return int(request.param)
