"""What an idle worker process costs, and what a run costs on a quiet database."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.acceptance.proxy import Proxy
from tests.benchmarks.arena import Site, workers
from tests.benchmarks.measure import OURS, Goal, Measure, Row

if TYPE_CHECKING:
    from tests.benchmarks.arena import Arena

_STEPS = 5


def idle(arena: Arena) -> dict[str, float]:
    """Statements as a proxy between worker and server counts them; memory as the system tells it."""
    seconds = arena.count(10, 3)
    with arena.site() as site:
        proxy = Proxy(site.url)
        with workers(site, 1, 4, SQUIDMESH_DATABASE_URL=proxy.url) as (process,):
            time.sleep(2)
            proxy.statements.clear()
            time.sleep(seconds)
            sent = len(proxy.statements)
            status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        proxy.close()
    (resident,) = (int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return {"statements": sent / seconds, "memory": resident / 1024}


def commits(arena: Arena) -> dict[str, float]:
    """Transaction ids that a straight run uses up, its start and the wake-up left out, on a server left alone."""
    quiet = {"SQUIDMESH_SWEEP_INTERVAL": "10m", "SQUIDMESH_POLL_INTERVAL": "10m", "SQUIDMESH_LEASE": "10m"}
    costs = []
    with arena.site() as site, workers(site, 1, 4, **quiet):
        for _ in range(arena.count(5, 2)):
            moment = site.load("bench.five", 1)
            started = _transactions(site)
            site.mesh.engine.notifier.announce(site.mesh.engine.lease * 0)
            site.drained(moment)
            costs.append(_transactions(site) - started - 1)  # the wake-up is a transaction
    return {"commits": min(costs)}


def _transactions(site: Site) -> int:
    return int(site.one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))


MEASURES = (
    Measure(
        name="idle",
        rows=(
            Row(
                key="statements",
                title="statements of an idle worker process",
                unit="a second",
                goals=(Goal(at_most=2),),
            ),
            Row(key="memory", title="memory of an idle worker", unit="MB", goals=(Goal(at_most=90),)),
        ),
        contestants={OURS: idle},
        once=True,
    ),
    Measure(
        name="commits",
        rows=(
            Row(
                key="commits",
                title="commits of a straight 5-step run, after its start",
                unit="commits",
                goals=(Goal(at_most=_STEPS + 1),),
            ),
        ),
        contestants={OURS: commits},
        once=True,
    ),
)
