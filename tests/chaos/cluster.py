"""A PostgreSQL cluster of the suite's own, which it may restart, kill and stop; it is as durable as any."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg

from squidmesh.errors import DatabaseUnavailable
from squidmesh.store.embedded.home import make_home
from squidmesh.store.embedded.programs import programs_for
from squidmesh.store.engine import Database

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

PATIENCE = 300.0
_USER = "postgres"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",
    "deadlock_timeout": "200ms",
    "restart_after_crash": "on",
    "timezone": "UTC",
    "io_method": "sync",
    "cluster_name": "squidmesh-chaos",
}


class Cluster:
    """Made and started by ``with``; stopped and removed at its end. Programs are those of the embedded server."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="squidmesh-chaos-"))
        self._folder.chmod(0o755)
        self._home = make_home(self._folder)
        self._programs = programs_for(self._home)
        self.port = free_port()
        self.restarts = 0

    def __enter__(self) -> Self:
        self._run("initdb", "-D", "data", "-U", _USER, "--auth=trust", "--no-instructions", "--encoding=UTF8")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.rmtree(self._home.path, ignore_errors=True)  # elsewhere, where root's servers cannot reach the folder

    @property
    def server_url(self) -> str:
        """The URL of the database that is always there."""
        return self.url("postgres")

    def url(self, name: str) -> str:
        """Return the URL of a database, as both SQLAlchemy and libpq read it."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}?sslmode=disable&gssencmode=disable"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = {**_OPTIONS, "port": str(self.port), "unix_socket_directories": str(self._home.path)}
        words = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run("pg_ctl", "start", "-w", "-t", str(int(PATIENCE)), "-D", "data", "-l", "server.log", "-o", words)
        self.wait()

    def stop(self, mode: str) -> None:
        """Stop the server: ``fast``, or ``immediate``, which is a crash; harmless when it does not run."""
        self._run("pg_ctl", "stop", "-w", "-t", str(int(PATIENCE)), "-m", mode, "-D", "data", check=False)

    def restart(self) -> None:
        """Crash and start again: every session ends without a word, what was not committed is gone."""
        self.stop("immediate")
        self.start()
        self.restarts += 1

    def kill(self) -> None:
        """End the server's main process as ``kill -9`` does, and start it again once its children are gone."""
        pid = int((self._home.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._revive()
            except DatabaseUnavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def _revive(self) -> None:
        (self._home.data / "postmaster.pid").unlink(missing_ok=True)
        self.start()
        self.restarts += 1

    def wait(self) -> None:
        """Wait until the server accepts connections."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.server_url, connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a fresh database with our tables, dropped at the end."""
        name = f"chaos_{uuid.uuid4().hex[:10]}"
        self._execute(f'CREATE DATABASE "{name}"')
        try:
            database = Database(self.url(name))
            database.migrate()
            database.close()
            yield self.url(name)
        finally:
            self.wait()
            self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = self._home.account.run([self._programs.path(program), *arguments], folder=self._home.path)
        if check and result.returncode:
            log = self._home.path / "server.log"
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise DatabaseUnavailable(f"{program} failed: {result.stdout.strip()}\n{tail}")
        return result


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
