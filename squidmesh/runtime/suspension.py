"""Pausing a step: the claim becomes a paused row that says what a decision on it will mean.

The routes and the output's name are kept with the row, so that a deploy cannot change them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squidmesh.model.decision import Suspend
from squidmesh.model.definition import Approval, OnWorkerLost, Uses
from squidmesh.model.document import routes_to_document
from squidmesh.model.gate import PauseReason
from squidmesh.model.outcome import Failure, Lost, Outcome, Reached, Released
from squidmesh.runtime.progression import is_irreversible, loss_policy
from squidmesh.store import pauses, runs
from squidmesh.store.audit_events import add_audit_event

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from squidmesh.model.definition import Step
    from squidmesh.model.state import RunStatus
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.store.engine import Database

WORKER_STOPPED = Failure(
    message="the worker was stopped while the step ran", code="worker_lost", retryable=True, details={"stopped": True}
)


def on_release(task: Prepared, released: Released, setting: OnWorkerLost) -> Suspend | None:
    """Return how an irreversible step is paused that a stopping worker leaves in the middle; None: it runs again."""
    if released.untouched or not task.claim.begun or not is_irreversible(task.step):
        return None
    if loss_policy(task.step, setting, begun=True) is OnWorkerLost.RETRY:
        return None
    return Suspend(reason=PauseReason.INTERRUPTED, failure=WORKER_STOPPED)


def suspend(
    database: Database, connection: Connection, task: Prepared, outcome: Outcome, decision: Suspend
) -> RunStatus:
    """Pause a claimed step of a locked run that goes forward; return what the run shows now."""
    claim, failure = task.claim, decision.failure
    now = database.read_clock(connection)
    pauses.pause_if_claimed(
        database,
        connection,
        claim.id,
        claim.token,
        resume=_resume(task.step, outcome, decision, now),
        deadline=outcome.deadline if isinstance(outcome, Reached) else None,
        interrupted=decision.reason.interrupted,
        lost=isinstance(outcome, (Lost, Released)),
        recovery=_policy(task.step) if decision.reason.interrupted else None,
    )
    add_audit_event(
        database, connection, claim.run.id, "paused", step=claim.step, metadata={"reason": decision.reason.value}
    )
    if failure is not None or claim.attempt > 1:
        runs.set_last_error(connection, claim.run.id, failure.to_dict() if failure else None)
    first = claim.attempt == 1
    return runs.shift_counters(
        database, connection, claim.run.id, active=-int(first), retrying=-int(not first), paused=1
    )


def _resume(step: Step, outcome: Outcome, decision: Suspend, now: datetime) -> dict[str, Any]:
    """Return what is kept with a paused step: what the person is shown, and what a decision will mean."""
    resume: dict[str, Any] = {"reason": decision.reason.value, "paused_at": now.isoformat(), "output": step.output}
    if step.next is not None:
        resume["next"] = routes_to_document(step.next)
    if isinstance(step.action, Approval) and step.action.on_deadline is not None:
        resume["on_deadline"] = step.action.on_deadline.value
    if isinstance(outcome, Reached):
        resume["title"] = outcome.title
        resume["input"] = json.loads(outcome.shown) if outcome.shown is not None else None
    if decision.failure is not None:
        resume["error"] = decision.failure.to_dict()
    return resume


def _policy(step: Step) -> dict[str, Any] | None:
    if not isinstance(step.action, Uses):
        return None
    kept: dict[str, Any] = {}
    if step.action.irreversible:
        kept["irreversible"] = True
    if not step.action.compensatable:
        kept["compensatable"] = False
    return kept or None
