"""How many runs a host starts a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.benchmarks.measure import OURS, Goal, Measure, Row

if TYPE_CHECKING:
    from tests.benchmarks.arena import Arena

_BATCH = 1000


def start(arena: Arena) -> dict[str, float]:
    """One thread of one host, no worker: one by one, then in batches."""
    single, batches = arena.count(1000, 10), arena.count(10, 1)
    with arena.site() as site:
        site.mesh.start_run("bench.five")
        began = time.perf_counter()
        for _ in range(single):
            site.mesh.start_run("bench.five")
        alone = single / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(batches):
            site.mesh.start_runs("bench.five", [{}] * _BATCH)
        return {"start": alone, "start-many": batches * _BATCH / (time.perf_counter() - began)}


MEASURES = (
    Measure(
        name="start",
        rows=(
            Row(key="start", title="start_run, one thread", unit="runs/s", goals=(Goal(at_least=1000),)),
            Row(key="start-many", title="start_runs of 1,000", unit="runs/s", goals=(Goal(at_least=10_000),)),
        ),
        contestants={OURS: start},
    ),
)
