"""Tables that have grown: many finished runs, and due rows of many kinds, written by the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.arena import Site

_BATCH = 50_000
# Ids as of runs that were started a millisecond apart in the past, so that indexes are filled in their order.
_ID = "('01800000-0000-7000-8000-' || lpad(to_hex(%s), 12, '0'))::uuid"
_RUNS = f"""
INSERT INTO squidmesh.runs (id, workflow, trigger, definition_hash, status, phase, active, retrying, paused, seq,
    payload, created_at, started_at, finished_at)
SELECT {_ID % "n"}, 'bench.five', 'go', %(hash)s, 'completed', 'forward', 0, 0, 0, 5, '{{}}',
    now() - interval '30 d', now() - interval '30 d', now() - interval '30 d'
FROM generate_series(%(first)s::int, %(last)s::int) n
"""
_STEP_RUNS = f"""
INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, run_at, attempt, losses, open_deps, live_deps,
    output, completed_seq, scheduled_seq, worker, created_at, started_at, finished_at)
SELECT {_ID % "n * 8 + k"}, {_ID % "n"}, (ARRAY['one', 'two', 'three', 'four', 'five'])[k], 0, 'completed', %(lane)s,
    now() - interval '30 d', 1, 0, 0, 1, '{{"n":1}}', k, k - 1, 'somebody',
    now() - interval '30 d', now() - interval '30 d', now() - interval '30 d'
FROM generate_series(%(first)s::int, %(last)s::int) n, generate_series(1, 5) k
"""
_ATTEMPTS = f"""
INSERT INTO squidmesh.attempts (step_run_id, number, status, worker, started_at, finished_at)
SELECT {_ID % "n * 8 + k"}, 1, 'completed', 'somebody', now() - interval '30 d', now() - interval '30 d'
FROM generate_series(%(first)s::int, %(last)s::int) n, generate_series(1, 5) k
"""


def fill(site: Site, runs: int, tell: Callable[[int], None] = lambda _: None) -> None:
    """Write finished five-step runs with all that belongs to them, and let the database take note of it."""
    first = site.mesh.start_run("bench.five", notify=False)  # its definition and lanes are known from then on
    facts = {"hash": first.definition, "lane": lane(site, "bench.add")}
    site.mesh.cancel_run(first.id)
    for begin in range(1, runs + 1, _BATCH):
        span = facts | {"first": begin, "last": min(begin + _BATCH - 1, runs)}
        for statement in (_RUNS, _STEP_RUNS, _ATTEMPTS):
            site.connection.execute(statement, span)
        tell(begin)
    site.connection.execute("VACUUM (ANALYZE)")
    site.connection.execute("CHECKPOINT")


def lane(site: Site, step_type: str) -> int:
    """Return the number of a step type's lane."""
    return int(site.one("SELECT id FROM squidmesh.lanes WHERE step_type = %s AND NOT solo", step_type))


_PENDING_RUNS = f"""
INSERT INTO squidmesh.runs (id, workflow, trigger, definition_hash, status, phase, active, retrying, paused, seq,
    payload, created_at)
SELECT {_ID % "n"}, 'bench.five', 'go', %(hash)s, 'pending', 'forward', 1, 0, 0, 0, '{{}}', now()
FROM generate_series(%(first)s::int, %(last)s::int) n
RETURNING id
"""
_PENDING = f"""
WITH run AS ({_PENDING_RUNS})
INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, run_at, attempt, losses, open_deps, live_deps,
    scheduled_seq, created_at)
SELECT id, id, 'one', 0, 'pending', %(base)s + (random() * (%(lanes)s - 1))::int,
    now() + %(due)s::interval + random() * interval '1 h', 0, 0, 0, 0, 0, now() FROM run
"""


def fill_queue(site: Site, *, mixed: int, foreign: int, timers: int, lanes: int) -> list[int]:
    """Write due steps of many lanes, due steps of a type that nobody has, and timers; return the lanes' numbers."""
    run = site.mesh.start_run("bench.five", notify=False)
    site.mesh.cancel_run(run.id)
    site.connection.execute(
        "INSERT INTO squidmesh.lanes (queue, step_type, priority) SELECT 'default', 'mixed.' || n, n %% 3 "
        "FROM generate_series(0, %s) n",
        [lanes],
    )
    base = lane(site, "mixed.0")
    first = 1
    for count, lane_from, span, due in (
        (mixed, base, lanes, "-2 h"),
        (foreign, base + lanes, 1, "-2 h"),
        (timers, base, lanes, "1 h"),
    ):
        for begin in range(first, first + count, _BATCH):
            span_of_ids = {"first": begin, "last": min(begin + _BATCH, first + count) - 1}
            facts = {"base": lane_from, "lanes": span, "due": due, "hash": run.definition}
            site.connection.execute(_PENDING, facts | span_of_ids)
        first += count
    site.connection.execute("VACUUM (ANALYZE)")
    site.connection.execute("CHECKPOINT")
    return list(range(base, base + lanes))
