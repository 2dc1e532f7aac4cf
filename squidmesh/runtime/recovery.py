"""Giving claims back: what a process took and will not execute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.model.outcome import Released
from squidmesh.model.state import StepStatus
from squidmesh.runtime.preparation import prepare
from squidmesh.runtime.recording import Ended
from squidmesh.runtime.reporting import report_ended
from squidmesh.runtime.settlement import settle
from squidmesh.store.claims import claims_of_worker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import timedelta
    from uuid import UUID

    import psycopg

    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.preparation import Prepared


def strays_of_worker(
    engine: Engine, connection: psycopg.Connection[Any], worker: str, known: Collection[UUID]
) -> list[Prepared]:
    """Return the claims that stand under a worker's name and whose token it does not hold."""
    claims = [claim for claim in claims_of_worker(engine.database, connection, worker) if claim.token not in known]
    return prepare(engine.database, connection, engine.definitions, claims)


def release_claims(engine: Engine, tasks: Iterable[Prepared], delay: timedelta) -> None:
    """Make claimed step runs pending again, due after ``delay``, their attempt not counted.

    An irreversible one that was begun is paused instead: nobody knows how far it came.
    """
    for task in tasks:
        released = Released(delay=delay)
        settled = settle(engine.database, task, released, engine.rules)
        if settled is not None and settled.step_status is StepStatus.PAUSED:
            ended = Ended(task=task, outcome=released, decision=None, completion=None)
            report_ended(engine.events, ended, None, settled, 0.0)
    engine.notifier.announce(delay)
