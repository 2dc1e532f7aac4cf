"""How long a claim takes where much is pending, most of it not for this worker or not yet."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.model.identity import new_token
from squidmesh.store.claims import ClaimRequest, claim_due_steps, read_claims
from tests.benchmarks.filling import fill_queue
from tests.benchmarks.measure import OURS, Goal, Measure, Row

if TYPE_CHECKING:
    from tests.benchmarks.arena import Arena

_LANES = 100
_CLAIMS = 40
_EACH = 16


def claim(arena: Arena) -> dict[str, float]:
    """Return the median of claims of sixteen steps each, round trip and commit included."""
    times = []
    with arena.site() as site:
        lanes = fill_queue(
            site,
            mixed=arena.count(200_000, 2000),
            foreign=arena.count(100_000, 1000),
            timers=arena.count(1_000_000, 2000),
            lanes=_LANES,
        )
        database = site.mesh.engine.database
        connection = database.dedicate()
        for _ in range(_CLAIMS):
            request = ClaimRequest(
                lanes=lanes,
                priorities=[lane % 3 for lane in lanes],
                tokens=[new_token() for _ in range(_EACH)],
                worker="benchmark",
                lease=timedelta(minutes=10),
            )
            began = time.perf_counter()
            taken = read_claims(claim_due_steps(database, connection, request))
            times.append((time.perf_counter() - began) * 1000)
            assert len(taken.claims) == _EACH, "enough is due"
        connection.close()
    return {"claim": statistics.median(times)}


_TITLE = "claim of 16 over 100 lanes, 200,000 due rows, 100,000 of a type nobody has, 1,000,000 timers"
MEASURES = (
    Measure(
        name="claim",
        rows=(Row(key="claim", title=_TITLE, unit="ms", goals=(Goal(at_most=5),)),),
        contestants={OURS: claim},
        once=True,
    ),
)
