"""Where measures run: fresh databases of one server that loses nothing, hosts and worker processes on them."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import make_url

from squidmesh import SquidMesh
from tests.conftest import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).with_name("project")
ROOT = PROJECT.parents[2]
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
_BATCH = 1000
_PATIENCE = 300.0


class NotDurableError(Exception):
    """The server does not wait for its disk: what is measured there says nothing."""


class Site:
    """One database with our tables, and a host in this process."""

    def __init__(self, url: str, *, migrate: bool = True) -> None:
        self.url = url
        self.libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.connection = psycopg.connect(self.libpq, autocommit=True)
        if migrate:
            self.mesh.migrate()

    @cached_property
    def mesh(self) -> SquidMesh:
        """A host with the workflows of the benchmark."""
        return SquidMesh(self.url, folder=PROJECT)

    def one(self, query: str, *values: Any) -> Any:
        """Return the one value that a query gives."""
        row = self.connection.execute(query, values).fetchone()
        assert row is not None
        return row[0]

    def load(self, workflow: str, count: int) -> Any:
        """Start runs in one transaction, so that all of them are due at the same moment; return a moment before it."""
        moment = self.one("SELECT clock_timestamp()")
        with self.connection.transaction():
            for begin in range(0, count, _BATCH):
                payloads: list[dict[str, Any]] = [{}] * min(_BATCH, count - begin)
                self.mesh.start_runs(workflow, payloads, connection=self.connection)
        return moment

    def drained(self, moment: Any) -> float:
        """Wait until every run started since has ended; return the seconds from the first step to the last end."""
        until = time.monotonic() + _PATIENCE
        while self.one("SELECT EXISTS (SELECT 1 FROM squidmesh.runs WHERE finished_at IS NULL)"):
            if time.monotonic() > until:
                raise TimeoutError("the runs do not end")
            time.sleep(0.05)
        return float(
            self.one(
                "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM squidmesh.runs "
                "WHERE created_at >= %s",
                moment,
            )
        )

    def close(self) -> None:
        """Close every connection."""
        self.mesh.close()
        self.connection.close()


class Arena:
    """A server, and how much is done on it: everything, or for a look at the benchmark itself a ``tiny`` part."""

    def __init__(self, server: str, *, tiny: bool = False) -> None:
        self.server = server
        self.tiny = tiny
        self._stack = ExitStack()
        self._kept: dict[int, Site] = {}
        libpq = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(libpq) as connection:
            settings = {name: str(connection.execute(f"SHOW {name}").fetchone()[0]) for name in _DURABLE}  # type: ignore[index]  # SHOW returns a row
            self.version = str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]  # likewise
        if any(value != "on" for value in settings.values()):
            raise NotDurableError(f"a benchmark without durability says nothing; the server has {settings}")

    def count(self, full: int, tiny: int) -> int:
        """Return how many of something to do."""
        return tiny if self.tiny else full

    @contextmanager
    def site(self) -> Iterator[Site]:
        """Give a fresh database with our tables."""
        with fresh_database(self.server, None) as url:
            site = Site(url)
            try:
                yield site
            finally:
                site.close()

    @contextmanager
    def bare(self) -> Iterator[str]:
        """Give the URL of a fresh database without our tables."""
        with fresh_database(self.server, None) as url:
            yield url

    def filled(self, runs: int) -> Site:
        """Return a database that has that many finished runs; it is kept until the end."""
        from tests.benchmarks.filling import fill  # noqa: PLC0415 - it needs this module

        if runs not in self._kept:
            site = self._stack.enter_context(self.site())
            fill(site, runs)
            self._kept[runs] = site
        return self._kept[runs]

    def close(self) -> None:
        """Drop the databases that were kept."""
        self._stack.close()


@contextmanager
def workers(site: Site, processes: int, concurrency: int, **variables: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run worker processes that are ready and idle; they are asked to stop at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SQUIDMESH_")}
    environment |= {"SQUIDMESH_DATABASE_URL": site.url, "SQUIDMESH_LOG_LEVEL": "info"} | variables
    started: list[subprocess.Popen[bytes]] = []
    command = [sys.executable, "-m", "squidmesh", "run", "--concurrency", str(concurrency)]
    with tempfile.TemporaryFile() as log:
        try:
            started += [
                subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
                for _ in range(processes)
            ]
            _wait_for(started, log)
            yield started
        finally:
            for process in started:
                process.terminate()
            for process in started:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                process.kill()


def _wait_for(started: list[subprocess.Popen[bytes]], log: Any) -> None:
    """Wait until every process listens."""
    until = time.monotonic() + 60
    while True:
        log.seek(0)
        text = log.read().decode(errors="replace")
        if text.count("listening for wake-ups") >= len(started):
            time.sleep(0.3)  # the first sweep and the first look are over
            return
        if time.monotonic() > until or any(process.poll() is not None for process in started):
            raise RuntimeError(f"a worker did not start:\n{text}")
        time.sleep(0.05)


def has(package: str) -> bool:
    """Say whether a peer is installed (``pip install --group benchmarks``)."""
    return importlib.util.find_spec(package) is not None


def program(name: str, *arguments: object) -> dict[str, float]:
    """Run one of the programs beside this in a process of its own; return the figures that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.programs.{name}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stdout}\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures
