"""The same work, and reading, where many finished runs are kept."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.benchmarks.arena import workers
from tests.benchmarks.measure import OURS, Goal, Measure, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.arena import Arena

MANY = 1_000_000
SIZES = (0, 10_000, 100_000, MANY)
EMPTY = "no finished runs"
_STEPS = 5
_CALLS = 50


def rate(arena: Arena, *, finished: int) -> dict[str, float]:
    """Steps per second of one process with 16 threads."""
    site = arena.filled(arena.count(finished, finished // 1000))
    runs = arena.count(2000, 20)
    with workers(site, 1, 16):
        site.drained(site.load("bench.five", arena.count(200, 5)))
        return {"grown": runs * _STEPS / site.drained(site.load("bench.five", runs))}


def read(arena: Arena) -> dict[str, float]:
    """How long reading takes, median of many calls."""
    site = arena.filled(arena.count(MANY, MANY // 1000))
    run = site.mesh.list_runs(workflow="bench.five", limit=1)[0]
    return {
        "list": _milliseconds(lambda: site.mesh.list_runs(workflow="bench.five", limit=50)),
        "list-failed": _milliseconds(lambda: site.mesh.list_runs(status=["failed"], limit=50)),
        "inspect": _milliseconds(lambda: site.mesh.inspect_run(run.id, include_history=True)),
    }


def _milliseconds(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def contestant(finished: int) -> str:
    """Return the name under which a table size is measured."""
    return OURS if finished == MANY else f"{finished:,} finished runs" if finished else EMPTY


MEASURES = (
    Measure(
        name="growth",
        rows=(
            Row(
                key="grown",
                title="5-step workflows with 1,000,000 finished runs kept",
                unit="steps/s",
                goals=(Goal(at_least=0.9, against=EMPTY),),
            ),
        ),
        contestants={contestant(finished): partial(rate, finished=finished) for finished in SIZES},
    ),
    Measure(
        name="reading",
        rows=(
            Row(key="list", title="list_runs of a workflow there", unit="ms", goals=(Goal(at_most=10),)),
            Row(key="list-failed", title="list_runs of a rare status there", unit="ms"),
            Row(key="inspect", title="inspect_run with history there", unit="ms", goals=(Goal(at_most=10),)),
        ),
        contestants={OURS: read},
    ),
)
