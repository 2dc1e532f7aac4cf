"""Steps per second of straight five-step workflows, against the bare loop and DBOS."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.arena import PROJECT, ROOT, has, program, workers
from tests.benchmarks.filling import lane
from tests.benchmarks.measure import OURS, Goal, Measure, Row

if TYPE_CHECKING:
    from tests.benchmarks.arena import Arena
    from tests.benchmarks.measure import Contestant

STEPS = 5
_FLOOR = "bare loop"
_DBOS = "DBOS"


def ours(arena: Arena, *, key: str, processes: int, threads: int) -> dict[str, float]:
    """Real worker processes; the figure is by the database's own times, from the first claim to the last end."""
    runs = arena.count(2000 * processes, 20)
    with arena.site() as site, workers(site, processes, threads):
        site.drained(site.load("bench.five", arena.count(200, 5)))
        return {key: runs * STEPS / site.drained(site.load("bench.five", runs))}


def floor(arena: Arena, *, key: str, processes: int, threads: int) -> dict[str, float]:
    """The bare loop, measured likewise."""
    runs = arena.count(2000 * processes, 20)
    with arena.site() as site:
        moment = site.load("bench.five", runs)
        arguments = [site.libpq, str(threads), str(lane(site, "bench.add"))]
        command = [sys.executable, "-m", "tests.benchmarks.programs.floor", *arguments]
        running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(processes)]
        for process in running:
            if process.wait(300):
                raise RuntimeError(f"the bare loop of {PROJECT.parent} failed")
        return {key: runs * STEPS / site.drained(moment)}


def dbos(arena: Arena, *, key: str, threads: int) -> dict[str, float]:
    """DBOS, its workflows called directly by as many threads."""
    with arena.bare() as url:
        return {key: program("dbos_steps", url, threads, arena.count(300, 20))["rate"]}


def contestants(key: str, processes: int, threads: int, *, peer: bool) -> dict[str, Contestant]:
    """Return who is measured."""
    found: dict[str, Contestant] = {
        OURS: partial(ours, key=key, processes=processes, threads=threads),
        _FLOOR: partial(floor, key=key, processes=processes, threads=threads),
    }
    if peer and has("dbos"):
        found[_DBOS] = partial(dbos, key=key, threads=threads)
    return found


_NEAR_FLOOR = Goal(at_least=0.7, against=_FLOOR)
MEASURES = (
    Measure(
        name="steps-16",
        rows=(
            Row(
                key="steps-16",
                title="straight 5-step workflows, 1 process, 16 threads",
                unit="steps/s",
                goals=(Goal(at_least=10, against=_DBOS), _NEAR_FLOOR),
            ),
        ),
        contestants=contestants("steps-16", 1, 16, peer=True),
    ),
    Measure(
        name="steps-4",
        rows=(Row(key="steps-4", title="the same, 4 threads", unit="steps/s"),),
        contestants=contestants("steps-4", 1, 4, peer=True),
    ),
    Measure(
        name="steps-2x16",
        rows=(
            Row(key="steps-2x16", title="the same, 2 processes of 16 threads", unit="steps/s", goals=(_NEAR_FLOOR,)),
        ),
        contestants=contestants("steps-2x16", 2, 16, peer=False),
    ),
    Measure(
        name="steps-3x16",
        rows=(Row(key="steps-3x16", title="the same, 3 processes of 16 threads", unit="steps/s"),),
        contestants={OURS: partial(ours, key="steps-3x16", processes=3, threads=16)},
    ),
)
