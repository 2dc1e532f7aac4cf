"""Retention: finished runs go after a while, with everything that belongs to them, in small batches.

Definitions stay, used or not: processes that start runs remember having written theirs, and they are few and small.
With a run goes its idempotency key, and a replay of it keeps the id in ``replayed_from``.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from squidmesh.model.upkeep import Pruned
from squidmesh.store.pruning import FIRST, count_finished, delete_finished, moment_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    import psycopg

    from squidmesh.runtime.engine import Engine

log = logging.getLogger(__name__)
BATCH = 100


def prune(
    engine: Engine, age: timedelta, *, dry_run: bool = False, on_batch: Callable[[Pruned], None] | None = None
) -> Pruned:
    """Delete the runs that finished longer than ``age`` ago; tell ``on_batch`` of each batch what has gone so far."""
    store = engine.dedicated()
    try:
        with store.use() as connection:
            before = moment_before(engine.database, connection, age)
            if dry_run:
                return count_finished(engine.database, before)
            gone = Pruned(before=before)
            for batch in _batches(engine, connection, gone):
                gone = _sum(gone, batch)
                if on_batch is not None:
                    on_batch(gone)
            return gone
    finally:
        store.close()


def prune_for_a_while(engine: Engine, connection: psycopg.Connection[Any], age: timedelta, seconds: float) -> bool:
    """Delete what has passed its retention until ``seconds`` are over; return whether some may be left."""
    gone = Pruned(before=moment_before(engine.database, connection, age))
    until = time.monotonic() + seconds
    for batch in _batches(engine, connection, gone):
        gone = _sum(gone, batch)
        if time.monotonic() >= until:
            break
    else:
        until = 0.0
    if gone.runs:
        log.info("deleted %d runs that had finished before %s", gone.runs, gone.before.isoformat(timespec="seconds"))
    return bool(until)


def _batches(engine: Engine, connection: psycopg.Connection[Any], gone: Pruned) -> Iterator[Pruned]:
    """Delete batch by batch until nothing is left, each in a transaction of its own."""
    after = FIRST
    while True:
        batch, last = delete_finished(engine.database, connection, gone.before, after, BATCH)
        if last is None:
            return
        after = last
        yield batch


def _sum(one: Pruned, other: Pruned) -> Pruned:
    return replace(
        one,
        runs=one.runs + other.runs,
        step_runs=one.step_runs + other.step_runs,
        attempts=one.attempts + other.attempts,
        audit_events=one.audit_events + other.audit_events,
    )
