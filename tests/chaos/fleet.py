"""Real worker processes, started through the command line, to be killed, stopped, frozen and thawed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
APP = "tests.chaos.app:mesh"


class Process:
    """One ``squidmesh run``, its output in a file."""

    def __init__(self, app: str, options: tuple[str, ...], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("w") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "squidmesh", "--app", app, "run", "--log-level", "info", *options],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._popen.poll() is None

    @property
    def wrote(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """End it without a word, as kill -9 does, frozen or not."""
        self._popen.kill()
        self._popen.wait(PATIENCE)

    def end(self) -> int:
        """Ask it to end as a deploy does, wait for it, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self._popen.wait(PATIENCE)


class Fleet:
    """The worker processes of one scenario; those that still run at its end are killed."""

    def __init__(self, environment: Mapping[str, str], logs: Path, *, app: str = APP) -> None:
        self._app = app
        self._environment = dict(environment)
        self._logs = logs
        self.all: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.alive():
            process.kill()

    def start(self, count: int = 1, *options: str, **variables: str) -> list[Process]:
        """Start worker processes, and return at once: they need a moment until they are ready."""
        started = []
        for _ in range(count):
            log = self._logs / f"worker-{len(self.all)}.log"
            started.append(Process(self._app, options, self._environment | variables, log))
            self.all.append(started[-1])
        return started

    def start_ready(self, count: int = 1, *options: str, **variables: str) -> list[Process]:
        """Start worker processes and wait until they work."""
        started = self.start(count, *options, **variables)
        until = time.monotonic() + PATIENCE
        for process in started:
            while " serves " not in process.wrote:
                assert process.alive, f"a worker did not start:\n{process.wrote}"
                assert time.monotonic() < until, f"a worker is not ready:\n{process.wrote}"
                time.sleep(0.05)
        return started

    def alive(self) -> list[Process]:
        """Return the processes that have not ended."""
        return [process for process in self.all if process.alive]

    def tails(self) -> Iterator[str]:
        """Yield the end of each process's output, for a person who asks why."""
        for number, process in enumerate(self.all):
            yield f"--- worker {number}, process {process.pid}\n" + "\n".join(process.wrote.splitlines()[-15:])


def environment(database_url: str, ledger_url: str, workflows: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a worker: nothing of the caller's settings, short leases and intervals."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SQUIDMESH_")}
    return kept | {
        "SQUIDMESH_DATABASE_URL": database_url,
        "SQUIDMESH_WORKFLOWS": str(workflows),
        "LEDGER_URL": ledger_url,
        **variables,
    }
