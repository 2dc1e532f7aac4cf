"""Explaining: why a run is where it is, since when, and what would be accepted now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from squidmesh.errors import RunNotFound
from squidmesh.model.run import Explanation
from squidmesh.model.state import Goal, Phase, RunStatus, StepRunKind, StepStatus
from squidmesh.runtime.definitions import why_unreadable
from squidmesh.runtime.next_actions import actions_while_open, after_end
from squidmesh.runtime.paused import actions_for, describe_pause, interrupted_among, paused_among, reasons_by_step
from squidmesh.store import history
from squidmesh.store.audit_events import events_of_run
from squidmesh.store.queues import read_pause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.model.definition import Workflow
    from squidmesh.store.engine import Database

_WITHOUT_DEFINITION = ("wait", "wake_run", "resume_queue")
_FAILURE_REASONS = {"worker_lost": "worker_lost", "run_timed_out": "run_timed_out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What one look found: a reason for the step that best explains the run."""

    reason: str
    since: datetime | None
    step: str | None = None
    details: Mapping[str, Any] | None = None
    actions: tuple[str, ...] = ()


def explain_run(database: Database, run_id: UUID, loaded: Mapping[str, Workflow]) -> Explanation:
    """Return the explanation of a run; ``RunNotFound`` if there is none.

    ``loaded`` are the workflows that this process has loaded, by name: a replay would run on them.
    """
    with database.snapshot() as connection:
        run = history.read_run(connection, run_id)
        if run is None:
            raise RunNotFound(str(run_id))
        steps = history.read_steps(connection, [run_id])
        now = database.read_clock(connection)
        finding = _finished(run, steps) or _open(database, connection, run, steps, now)
        if run.goal == Goal.CANCELLED:
            finding = _with_cancel(connection, run, finding)
        unreadable = why_unreadable(run.document)
        possible: tuple[str, ...] = ()
        more: dict[str, Any] = {}
        if unreadable is not None:
            finding = _unreadable(run, finding, unreadable)
        elif RunStatus(run.status).terminal:
            possible, more = after_end(database, connection, run, steps, loaded)
        else:
            possible = actions_while_open(steps, now)
    return Explanation(
        status=RunStatus(run.status),
        reason=finding.reason,
        since=finding.since,
        step=finding.step,
        details={**(finding.details or {}), **more},
        next_actions=tuple(dict.fromkeys((*finding.actions, *possible))),
        evidence=_evidence(run, steps, now),
    )


def _unreadable(run: Row[Any], finding: _Finding, why: str) -> _Finding:
    """Say that this process cannot read the run's definition, and leave out what would need it."""
    details = {**(finding.details or {}), "definition_unreadable": f"{run.definition_hash}: {why}"}
    actions = tuple(action for action in finding.actions if action in _WITHOUT_DEFINITION)
    return replace(finding, details=details, actions=actions)


def _with_cancel(connection: Connection, run: Row[Any], finding: _Finding) -> _Finding:
    """Add who asked last for the run to be cancelled, and why; an open run is cancelling since the first asked."""
    asked = [event for event in events_of_run(connection, run.id) if event.type == "cancelled"]
    if not asked:
        return finding
    details = {**(finding.details or {}), "actor": asked[-1].actor, "comment": asked[-1].comment}
    details |= asked[-1].metadata or {}
    return replace(finding, since=run.finished_at or asked[0].at, details=details)


def _evidence(run: Row[Any], steps: Sequence[Row[Any]], now: datetime) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for step in steps:
        counts[step.status] = counts.get(step.status, 0) + 1
    return {"phase": run.phase, "step_runs": counts, "observed_at": now.isoformat()}


def _finished(run: Row[Any], steps: Sequence[Row[Any]]) -> _Finding | None:
    match RunStatus(run.status):
        case RunStatus.COMPLETED:
            return _Finding(reason="completed", since=run.finished_at)
        case RunStatus.CANCELLED:
            return _Finding(reason="cancelled", since=run.finished_at)
        case RunStatus.FAILED:
            return _failed(run, steps)
    return None


def _failed(run: Row[Any], steps: Sequence[Row[Any]]) -> _Finding:
    failure = run.failure or {}
    undone = {step.step: step.status for step in steps if step.kind == StepRunKind.COMPENSATION}
    details: dict[str, Any] = {"failure": failure}
    if undone:
        details["compensated"] = undone
    reason = reason_of_failure(failure)
    return _Finding(reason=reason, since=run.finished_at, step=failure.get("step"), details=details)


def reason_of_failure(failure: Mapping[str, Any]) -> str:
    """Return why a run failed, in a word, from the failure that stopped it."""
    reason = _FAILURE_REASONS.get(failure.get("code", ""))
    if reason is not None:
        return reason
    return "retry_exhausted" if failure.get("retryable") and failure.get("attempts", 0) > 1 else "step_failed"


def _open(
    database: Database, connection: Connection, run: Row[Any], steps: Sequence[Row[Any]], now: datetime
) -> _Finding:
    if run.phase != Phase.FORWARD:
        return _beside_due(_stopping(run, steps, now), _due(database, connection, steps, now))
    for look in (_running, _due, _scheduled):
        finding = look(database, connection, steps, now)
        if finding is not None:
            return _beside_paused(finding, steps)
    pause = describe_pause(steps, now)
    if pause is not None:
        return _Finding(**pause)
    return _Finding(reason="waiting_for_dependencies", since=run.created_at)


def _beside_paused(finding: _Finding, steps: Sequence[Row[Any]]) -> _Finding:
    """Return a finding with what may be decided meanwhile: other branches may wait for people."""
    paused = paused_among(steps)
    if not paused:
        return finding
    waiting = {"paused": reasons_by_step(paused), **interrupted_among(paused)}
    actions = tuple(dict.fromkeys((*finding.actions, *actions_for(paused))))
    return replace(finding, details={**(finding.details or {}), **waiting}, actions=actions)


def _beside_due(finding: _Finding, due: _Finding | None) -> _Finding:
    """Return why a run stops, with what keeps a step of its recovery from being taken, if anything does."""
    if due is None or due.reason == "pending_dispatch":
        return finding
    details = {**(finding.details or {}), "held_up": {"reason": due.reason, **(due.details or {})}}
    return replace(finding, details=details, actions=tuple(dict.fromkeys((*finding.actions, *due.actions))))


def _stopping(run: Row[Any], steps: Sequence[Row[Any]], now: datetime) -> _Finding:
    reason = "compensating" if run.phase == Phase.COMPENSATING else "stopping"
    if run.goal == "cancelled":
        reason = "cancelling"
    busy = [step for step in steps if step.status in {StepStatus.RUNNING, StepStatus.PENDING}]
    names = [step.step for step in busy]
    later = any(step.status == StepStatus.PENDING and step.run_at > now for step in busy)
    expired = [step.step for step in busy if step.status == StepStatus.RUNNING and step.lease_until < now]
    return _Finding(
        reason=reason,
        since=_stopping_since(run, steps),
        step=names[0] if names else None,
        details={"failure": run.failure, "unfinished": names, "lease_expired": expired},
        actions=("wait", "wake_run") if later else ("wait",),
    )


def _stopping_since(run: Row[Any], steps: Sequence[Row[Any]]) -> datetime | None:
    """Return when the run's phase began: with its first recovery row, or with the end of the step that failed."""
    if run.phase == Phase.COMPENSATING:
        began: list[datetime] = [step.created_at for step in steps if step.kind != StepRunKind.STEP]
    elif (run.failure or {}).get("code") == "run_timed_out":
        began = [run.deadline_at]
    else:
        failed = (run.failure or {}).get("step")
        began = [step.finished_at for step in steps if step.step == failed and step.finished_at is not None]
    return min(began, default=run.started_at)


def _running(_: Database, __: Connection, steps: Sequence[Row[Any]], now: datetime) -> _Finding | None:
    for step in steps:
        if step.status == StepStatus.RUNNING:
            details = {
                "worker": step.worker,
                "attempt": step.attempt,
                "lease_until": step.lease_until.isoformat(),
                "lease_expired": step.lease_until < now,
            }
            return _Finding(
                reason="step_running", since=step.started_at, step=step.step, details=details, actions=("wait",)
            )
    return None


def _due(database: Database, connection: Connection, steps: Sequence[Row[Any]], now: datetime) -> _Finding | None:
    """A step that is due and not taken: a worker will take it soon, or none can."""
    for step in steps:
        if step.status != StepStatus.PENDING or step.run_at > now:
            continue
        details = {"queue": step.queue, "step_type": step.step_type}
        if step.solo:
            details["waits_to_run_alone_after_losses"] = step.losses
        pause = read_pause(connection, step.queue)
        if pause is not None:
            return _held(step, pause, details)
        able = history.capable_workers(database, connection, step.queue, step.step_type)
        reason = "pending_dispatch" if able else "waiting_for_capable_worker"
        return _Finding(
            reason=reason,
            since=step.run_at,
            step=step.step,
            details=details | {"capable_workers": able},
            actions=("wait",),
        )
    return None


def _held(step: Row[Any], pause: Row[Any, *tuple[Any, ...]], details: dict[str, Any]) -> _Finding:
    """A step that is due on a paused queue."""
    told = {"paused_at": pause.paused_at.isoformat(), "actor": pause.actor, "comment": pause.comment}
    return _Finding(
        reason="queue_paused",
        since=max(step.run_at, pause.paused_at),
        step=step.step,
        details=details | told,
        actions=("wait", "resume_queue"),
    )


def _scheduled(_: Database, __: Connection, steps: Sequence[Row[Any]], now: datetime) -> _Finding | None:
    """The next step that is due later: a timer, a retry, or a delay."""
    later = [step for step in steps if step.status == StepStatus.PENDING and step.run_at > now]
    if not later:
        return None
    step = min(later, key=lambda row: row.run_at)
    if step.attempt > 0:
        reason = "waiting_for_retry"
    elif step.step_type == "wait":
        reason = "waiting_for_timer"
    else:
        reason = "step_scheduled"
    details = {"due_at": step.run_at.isoformat(), "attempts": step.attempt}
    return _Finding(reason=reason, since=step.created_at, step=step.step, details=details, actions=("wait", "wake_run"))
