"""How soon an idle worker begins: the first step of a run, and what follows a wait."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from tests.benchmarks.arena import has, program, workers
from tests.benchmarks.measure import OURS, Goal, Measure, Row, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.arena import Arena
    from tests.benchmarks.measure import Contestant

_DBOS, _PROCRASTINATE = "DBOS queue", "procrastinate"
_WAIT = 0.5


class Ear:
    """A port to which steps send the moment at which they began."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(30)
        self.port = str(self._socket.getsockname()[1])

    def hear(self) -> float:
        """Return the next moment, of the machine's monotonic clock."""
        return float(self._socket.recv(100))

    def close(self) -> None:
        """Free the port."""
        self._socket.close()


@contextlib.contextmanager
def ear() -> Iterator[Ear]:
    """Give a port that is free again at the end."""
    opened = Ear()
    try:
        yield opened
    finally:
        opened.close()


def first_step(arena: Arena) -> dict[str, float]:
    """From the call of ``start_run`` to the first line of the step, on an idle worker."""
    delays = []
    with arena.site() as site, ear() as listening, workers(site, 1, 4, BENCHMARK_PORT=listening.port):
        for number in range(arena.count(100, 5)):
            time.sleep(0.03 + number % 7 * 0.002)
            began = time.monotonic()
            site.mesh.start_run("bench.tell")
            delays.append((listening.hear() - began) * 1000)
    del delays[0]  # the starter's own connections are open from then on
    return {"first-p50": percentile(delays, 0.5), "first-p99": percentile(delays, 0.99)}


def timer(arena: Arena) -> dict[str, float]:
    """From the beginning of the step before a wait to that of the step after it, less the wait."""
    late = []
    with arena.site() as site, ear() as listening, workers(site, 1, 4, BENCHMARK_PORT=listening.port):
        for _ in range(arena.count(12, 2)):
            site.mesh.start_run("bench.doze")
            before = listening.hear()
            late.append((listening.hear() - before - _WAIT) * 1000)
    return {"timer": percentile(late, 0.99)}


def peer(name: str, jobs: int) -> Contestant:
    """Return a contestant that is a program of its own."""

    def run(arena: Arena) -> dict[str, float]:
        with arena.bare() as url:
            found = program(name, url, arena.count(jobs, 3))
        return {"first-p50": found["p50"], "first-p99": found["p99"]}

    return run


_contestants: dict[str, Contestant] = {OURS: first_step}
if has("dbos"):
    _contestants[_DBOS] = peer("dbos_queue", 10)
if has("procrastinate"):
    _contestants[_PROCRASTINATE] = peer("procrastinate_queue", 100)

MEASURES = (
    Measure(
        name="first-step",
        rows=(
            Row(
                key="first-p50", title="start to first step on an idle worker, p50", unit="ms", goals=(Goal(at_most=5),)
            ),
            Row(key="first-p99", title="the same, p99", unit="ms", goals=(Goal(at_most=25),)),
        ),
        contestants=_contestants,
    ),
    Measure(
        name="timer",
        rows=(Row(key="timer", title="a 500 ms wait fires late by, p99", unit="ms", goals=(Goal(at_most=30),)),),
        contestants={OURS: timer},
    ),
)
