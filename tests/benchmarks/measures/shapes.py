"""What a step costs in a long chain and in a wide fan-out, against the five-step workflow."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from squidmesh import SquidMesh
from tests.benchmarks.arena import PROJECT, workers
from tests.benchmarks.measure import OURS, Goal, Measure, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.arena import Arena

_THREADS = 16
_PLAIN = "5 steps"
_HEAD = "triggers:\n  go: {manual: {}}\nsteps:\n"


def chain(steps: int) -> str:
    """Return a straight workflow."""
    targets = [*(f"s{n}" for n in range(2, steps + 1)), "complete"]
    lines = [f"  s{n}: {{uses: bench.nothing, next: {target}}}\n" for n, target in enumerate(targets, 1)]
    return f"workflow: bench.shape\n{_HEAD}{''.join(lines)}"


def fan(width: int) -> str:
    """Return a workflow of one step, ``width`` that wait for it, and one that waits for all of these."""
    names = [f"w{n}" for n in range(width)]
    wide = "".join(f"  {name}: {{uses: bench.nothing, after: [first]}}\n" for name in names)
    last = f"  last: {{uses: bench.nothing, after: [{', '.join(names)}]}}\n"
    return f"workflow: bench.shape\n{_HEAD}  first: {{uses: bench.nothing}}\n{wide}{last}"


def cost(arena: Arena, *, key: str, text: str, runs: int) -> dict[str, float]:
    """Return the microseconds that a step takes, all runs of a workflow together; its file is the starter's alone."""
    with arena.site() as site, tempfile.TemporaryDirectory() as folder, workers(site, 1, _THREADS):
        (Path(folder) / "shape.yaml").write_text(text)
        site.drained(site.load("bench.five", arena.count(200, 5)))
        with SquidMesh(site.url, folder, folder=PROJECT) as mesh:
            moment = site.one("SELECT clock_timestamp()")
            mesh.start_runs("bench.shape", [{}] * runs)
        took = site.drained(moment)
        steps = site.one("SELECT count(*) FROM squidmesh.step_runs WHERE created_at >= %s", moment)
    return {key: took / steps * 1e6}


def measure(key: str, title: str, text: Callable[[Arena], str], runs: int, at_most: float) -> Measure:
    """Return a measure of one shape."""

    def shaped(arena: Arena) -> Mapping[str, float]:
        return cost(arena, key=key, text=text(arena), runs=arena.count(runs, 2))

    def plain(arena: Arena) -> Mapping[str, float]:
        return cost(arena, key=key, text=chain(5), runs=arena.count(2000, 20))

    goals = (Goal(at_most=at_most, against=_PLAIN),)
    row = Row(key=key, title=title, unit="µs a step", goals=goals)
    return Measure(name=key, rows=(row,), contestants={OURS: shaped, _PLAIN: plain})


def _chain(arena: Arena) -> str:
    return chain(arena.count(1000, 20))


def _fan(arena: Arena) -> str:
    return fan(arena.count(1000, 20))


MEASURES = (
    measure("chain", "1,000-step chains, 1 process, 16 threads", _chain, 16, 1.2),
    measure("fan-out", "1,000-wide fan-outs with a join, likewise", _fan, 8, 1.5),
)
