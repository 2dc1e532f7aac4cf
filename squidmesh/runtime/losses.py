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
    """Give up every claim whose lease has passed; return how many were found.

    One run that cannot be read must not keep the others from being taken up: what fails is told once and left alone
    for a while, so that it takes no place in the batches that follow.
    """
    claims = expired_claims(engine.database, connection, BATCH, engine.unreadable.left_alone())
    for claim in claims:
        try:
            with engine.database.errors():
                _give_up(engine, connection, claim)
        except DatabaseUnavailable as error:
            if not isinstance(error, StatementRefused):
                raise
            if engine.unreadable.meet(claim.token):
                log.exception("the loss of step %s of run %s was refused", claim.step, claim.run.id)
        except Exception:
            if engine.unreadable.meet(claim.token):
                log.exception("the loss of step %s of run %s cannot be recorded", claim.step, claim.run.id)
    return len(claims)


def _give_up(engine: Engine, connection: psycopg.Connection[Any], claim: Claim) -> None:
    task = _read(engine, connection, claim)
    if task is None:
        return
    ended = plan_record(task, Lost(), engine.rules)
    recorded = settled = None
    if ended.completion is not None:
        recorded = record_loss(engine, connection, task, ended.completion)
    if recorded is None:
        settled = settle(engine.database, task, Lost(), engine.rules)
    if recorded or settled:
        log.warning("step %s of run %s was lost with its worker", claim.step, claim.run.id)
        report_ended(engine.events, ended, recorded, settled, 0.0)


def _read(engine: Engine, connection: psycopg.Connection[Any], claim: Claim) -> Prepared | None:
    try:
        with engine.database.errors():
            return prepare(engine.database, connection, engine.definitions, [claim])[0]
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - a definition that is damaged, or of a later release, may raise anything
        _tell_unreadable(engine, claim, error)
        return None


def _tell_unreadable(engine: Engine, claim: Claim, error: Exception) -> None:
    if engine.unreadable.meet(claim.token):
        log.error(
            "the loss of step %s of run %s cannot be recorded: its definition %s cannot be read here (%s: %s); "
            "a worker of the release that wrote it will do so",
            *(claim.step, claim.run.id, claim.run.definition_hash, type(error).__name__, error),
            extra={"run_id": str(claim.run.id), "workflow": claim.run.workflow, "step": claim.step},
        )


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
