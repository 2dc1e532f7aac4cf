"""Giving claims back: what a process took and will not execute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.model.outcome import Released
from squidmesh.model.state import Phase, StepStatus
from squidmesh.runtime.preparation import prepare_readable
from squidmesh.runtime.recording import Ended
from squidmesh.runtime.reporting import report_ended
from squidmesh.runtime.settlement import settle
from squidmesh.store import runs, step_runs
from squidmesh.store.claims import claims_of_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import timedelta
    from uuid import UUID

    import psycopg

    from squidmesh.model.claim import Claim
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.preparation import Prepared


def strays_of_worker(
    engine: Engine, connection: psycopg.Connection[Any], worker: str, known: Callable[[], Collection[UUID]]
) -> list[Prepared]:
    """Return the claims that stand under a worker's name and whose token is not ``known`` to it, now or before."""
    before = known()
    standing = claims_of_worker(engine.database, connection, worker)
    after = known()
    claims = [claim for claim in standing if claim.token not in before and claim.token not in after]
    return prepare_readable(engine.database, connection, engine.definitions, claims)[0]


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


def set_aside(engine: Engine, claim: Claim) -> None:
    """Make a claimed step run that cannot be read here pending again, due after a lease, its attempt not counted.

    Another process may read it: one of the release that wrote its definition. In a stopping run nothing may become
    due, and the claim is left to its lease.
    """
    with engine.database.transaction() as connection:
        run = runs.lock_run(connection, claim.run.id)
        stands = step_runs.hold_claim(connection, claim.id, claim.token) is not None
        if run is not None and stands and run.phase != Phase.STOPPING:
            step_runs.give_back_if_claimed(
                engine.database, connection, claim.id, claim.token, delay=engine.lease, begun=None
            )
