"""Starting the host applications as their operators would: real servers and workers, each a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).parent
PATIENCE = 120.0
_SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "django_shop.settings",
    "SQUIDMESH_SWEEP_INTERVAL": "500ms",
    "SQUIDMESH_POLL_INTERVAL": "200ms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """How one host is prepared, served and worked for; ``PORT`` stands for the port."""

    prepare: tuple[str, ...] = ()
    serve: tuple[str, ...]
    work: tuple[str, ...]


_GUNICORN = ("gunicorn", "--bind", "127.0.0.1:PORT", "--workers", "2", "--preload", "--log-level", "warning")
HOSTS = {
    "fastapi": Host(
        serve=("uvicorn", "--port", "PORT", "--log-level", "warning", "fastapi_shop:app"),
        work=("squidmesh", "--app", "fastapi_shop:mesh", "run", "--concurrency", "4"),
    ),
    "flask": Host(
        prepare=("flask", "--app", "flask_shop", "prepare"),
        serve=(*_GUNICORN, "flask_shop:app"),
        work=("squidmesh", "--app", "flask_shop:mesh", "run", "--concurrency", "4"),
    ),
    "django": Host(
        prepare=("django", "migrate", "--verbosity", "0"),
        serve=(*_GUNICORN, "django_shop.wsgi"),
        work=("django", "work"),
    ),
}


class Launched:
    """A process of a host, its output in a file."""

    def __init__(self, command: Sequence[str], database: str, log: Path, **variables: str) -> None:
        self.log = log
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SQUIDMESH_", "SHOP_"))}
        with log.open("a") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=HERE,
                env=kept | _SETTINGS | {"SHOP_DATABASE_URL": database, "PYTHONPATH": str(HERE)} | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the process to end and return its exit code; it is killed if it was asked already."""
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE)

    def ended(self) -> int:
        """Wait for the end of the process, and return its exit code."""
        return self.popen.wait(PATIENCE)


class Shop:
    """One host application, driven over HTTP."""

    def __init__(self, name: str, database: str, folder: Path, lease: str) -> None:
        self._lease = lease
        self.host = HOSTS[name]
        self.database = database
        self._folder = folder
        self._port = _free_port()
        self._launched: list[Launched] = []
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=PATIENCE)
        self.desk = psycopg.connect(database, autocommit=True)

    def prepare(self) -> None:
        """Make the tables, where the host does not do so itself."""
        if self.host.prepare:
            prepared = self._launch(self.host.prepare)
            assert prepared.ended() == 0, prepared.log.read_text()

    def serve(self, **variables: str) -> Launched:
        """Start the web server and wait until it answers."""
        command = [part.replace("PORT", str(self._port)) for part in self.host.serve]
        server = self._launch(command, **variables)
        eventually(lambda: self._answers() or server.popen.poll() is not None)
        assert server.popen.poll() is None, server.log.read_text()
        return server

    def work(self) -> Launched:
        """Start a worker as a process of its own and wait until it is there."""
        before = self.workers()
        worker = self._launch(self.host.work)
        eventually(lambda: self.workers() > before or worker.popen.poll() is not None)
        assert worker.popen.poll() is None, worker.log.read_text()
        return worker

    def place(self, **order: Any) -> int:
        """Place an order and return its number."""
        answer = self.client.post("/orders", json=order)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["order_id"])

    def show(self, order_id: int) -> dict[str, Any]:
        """Return what the shop says about an order."""
        answer = self.client.get(f"/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for(self, order_id: int, **facts: Any) -> dict[str, Any]:
        """Wait until the shop says these things about an order, and return all that it says."""

        def as_wanted() -> dict[str, Any] | None:
            shown = self.show(order_id)
            return shown if facts.items() <= shown.items() else None

        return dict(eventually(as_wanted, lambda: f"{facts} of {self.show(order_id)}"))

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.desk.execute(query, values).fetchall()

    def workers(self) -> int:
        """Count the worker processes that have said that they are there."""
        return int(self.ask("SELECT count(*) FROM squidmesh.workers")[0][0])

    def close(self) -> None:
        """End what still runs."""
        for launched in self._launched:
            if launched.popen.poll() is None:
                launched.popen.kill()
                launched.popen.wait()
        self.client.close()
        self.desk.close()

    def _launch(self, command: Sequence[str], **variables: str) -> Launched:
        log = self._folder / f"{len(self._launched)}.log"
        launched = Launched(command, self.database, log, SQUIDMESH_LEASE=self._lease, **variables)
        self._launched.append(launched)
        return launched

    def _answers(self) -> bool:
        try:
            return self.client.get("/orders/0").status_code == 404
        except httpx.TransportError:
            return False


@contextmanager
def shop(name: str, database: str, folder: Path, *, lease: str = "30s") -> Iterator[Shop]:
    """Give a host application that is prepared, and end all of its processes afterwards.

    A short ``lease`` is for trials that kill workers; on a busy machine it passes by itself now and then.
    """
    made = Shop(name, database, folder, lease)
    try:
        made.prepare()
        yield made
    finally:
        made.close()


def eventually(holds: Callable[[], Any], what: Callable[[], str] = lambda: "it") -> Any:
    """Return what ``holds`` returns once that is true."""
    until = time.monotonic() + PATIENCE
    while not (answer := holds()):
        assert time.monotonic() < until, f"{what()} did not happen within {PATIENCE:.0f} s"
        time.sleep(0.02)
    return answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
