"""What stands in the database, counted for whoever watches: queues, and runs that wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.runtime.queues import list_queues
from squidmesh.store.pauses import count_paused_runs

if TYPE_CHECKING:
    from datetime import datetime

    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueGauge:
    """A queue: its step runs that are due and running, and for how many seconds the oldest has been due."""

    queue: str
    due: int
    running: int
    oldest_due: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedGauge:
    """A workflow: its runs that are paused, and for how many seconds the oldest has been."""

    workflow: str
    runs: int
    oldest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """Every known queue, and every workflow that has paused runs."""

    queues: tuple[QueueGauge, ...]
    paused: tuple[PausedGauge, ...]


def read_gauges(database: Database) -> Gauges:
    """Return what stands in the database now."""
    queues = list_queues(database)
    with database.transaction() as connection:
        paused = count_paused_runs(database, connection)
        now = database.read_clock(connection)
    return Gauges(
        queues=tuple(
            QueueGauge(
                queue=queue.name, due=queue.due, running=queue.running, oldest_due=_age(queue.oldest_due_at, now)
            )
            for queue in queues
        ),
        paused=tuple(PausedGauge(workflow=row.workflow, runs=row.runs, oldest=_age(row.since, now)) for row in paused),
    )


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since is not None else 0.0
