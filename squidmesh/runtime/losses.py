"""Sweeping: step runs whose worker vanished are taken from it, each as a record with outcome lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from squidmesh.errors import DatabaseUnavailable, StatementRefused
from squidmesh.model.outcome import Lost
from squidmesh.model.state import StepStatus
from squidmesh.runtime.dispatch import record_alone
from squidmesh.runtime.preparation import prepare
from squidmesh.runtime.progression import runs_alone_after
from squidmesh.runtime.recording import plan_record
from squidmesh.runtime.reporting import report_ended
from squidmesh.runtime.settlement import settle
from squidmesh.store.claims import expired_claims
from squidmesh.store.solo_lanes import move_to_solo_lane_if_pending

if TYPE_CHECKING:
    import psycopg

    from squidmesh.model.claim import Claim
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.store.records import Completion, Recorded

log = logging.getLogger(__name__)
BATCH = 50


def sweep_losses(engine: Engine, connection: psycopg.Connection[Any]) -> int:
    """Give up every claim whose lease has passed; return how many were found."""
    claims = expired_claims(engine.database, connection, BATCH)
    for claim in claims:
        try:
            with engine.database.errors():
                _give_up(engine, connection, claim)
        except DatabaseUnavailable as error:
            if not isinstance(error, StatementRefused):
                raise
            log.exception("the loss of step %s of run %s was refused", claim.step, claim.run.id)
        except Exception:
            # One run that cannot be read must not keep the others from being taken up.
            log.exception("the loss of step %s of run %s cannot be recorded", claim.step, claim.run.id)
    return len(claims)


def _give_up(engine: Engine, connection: psycopg.Connection[Any], claim: Claim) -> None:
    (task,) = prepare(engine.database, connection, engine.definitions, [claim])
    ended = plan_record(task, Lost(), engine.rules)
    recorded = settled = None
    if ended.completion is not None:
        recorded = record_loss(engine, connection, task, ended.completion)
    if recorded is None:
        settled = settle(engine.database, task, Lost(), engine.rules)
    if recorded or settled:
        log.warning("step %s of run %s was lost with its worker", claim.step, claim.run.id)
        report_ended(engine.events, ended, recorded, settled, 0.0)


def record_loss(
    engine: Engine, connection: psycopg.Connection[Any], task: Prepared, completion: Completion
) -> Recorded | None:
    """Record a loss on the hot path; a step that is tried again and was lost before waits to be alone then."""
    with connection.transaction():
        recorded = record_alone(engine.database, connection, completion, engine.lease)
        again = recorded is not None and completion.status == StepStatus.PENDING
        if again and runs_alone_after(task.claim.losses + 1, engine.rules.max_losses):
            move_to_solo_lane_if_pending(engine.database, connection.execute, task.claim.id)
    return recorded
