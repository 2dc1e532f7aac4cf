"""Telling hosts and logs what became of a step, once it is committed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from squidmesh.model.decision import Retry
from squidmesh.model.outcome import Decided, Deferred, Released, Skipped, Succeeded
from squidmesh.model.state import RunStatus, StepStatus
from squidmesh.runtime.recording import attempt_failure

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row

    from squidmesh.runtime.events import Events
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.runtime.recording import Ended
    from squidmesh.runtime.settlement import Settled
    from squidmesh.store.records import Recorded

log = logging.getLogger("squidmesh")
RETRIED, TIMED_OUT, RELEASED = "retry_scheduled", "timed_out", "released"
_UNREMARKABLE = ("completed", "skipped", RELEASED)


def facts_of(task: Prepared) -> dict[str, Any]:
    """Return what every event of a step says."""
    return {**logged(task), "trigger": task.claim.run.trigger, "kind": task.claim.kind.name.lower()}


def logged(task: Prepared) -> dict[str, Any]:
    """Return what every log record of an execution carries."""
    claim = task.claim
    return {
        "run_id": str(claim.run.id),
        "workflow": claim.run.workflow,
        "step": claim.step,
        "attempt": claim.attempt - claim.losses,
    }


def report_started(events: Events, task: Prepared) -> None:
    """Tell that a step begins, and that its run shows running if its claim made it so."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("step %s of run %s starts", task.claim.step, task.claim.run.id, extra=logged(task))
    if task.claim.run_left is not None:
        run = task.claim.run
        report_run(events, run.id, run.workflow, run.trigger, task.claim.run_left, RunStatus.RUNNING)
    _emit(events, "step.started", task)


def report_ended(
    events: Events, ended: Ended, recorded: Recorded | None, settled: Settled | None, duration: float
) -> None:
    """Tell how a step ended, and what its run became by it."""
    ending = name_ending(ended, recorded, settled)
    failure = attempt_failure(ended.outcome)
    error = failure.to_dict() if failure else None
    delay = _retry_delay(ended, settled)
    _log_ending(ending, ended, delay)
    match ending:
        case "released":
            return
        case "claim_lost":
            _emit(events, "step.claim_lost", ended.task)
            return
        case "paused":
            _emit(events, "step.paused", ended.task, error=error)
        case "completed" | "skipped":
            _emit(events, f"step.{ending}", ended.task, duration=duration)
        case _:
            _emit(events, f"step.{ending}", ended.task, duration=duration, error=error, delay=delay)
    _report_run(events, ended.task, recorded, settled)


def _emit(events: Events, event: str, task: Prepared, **more: Any) -> None:
    if events.hears(event):
        events.emit(event, **facts_of(task), **more)


def name_ending(ended: Ended, recorded: Recorded | None, settled: Settled | None) -> str:
    """Return what became of an attempt, as its event and its metrics name it; ``released``: it was given back."""
    if recorded is None and settled is None:
        return "claim_lost"
    match ended.outcome:
        case _ if settled is not None and settled.step_status is StepStatus.PAUSED:
            return "paused"
        case Decided() if settled is not None and settled.step_status is not StepStatus.FAILED:
            return "completed"
        case Succeeded():
            return "completed"
        case Skipped():
            return "skipped"
        case Released() | Deferred():
            return RELEASED
        case _:
            return RETRIED if _retry_delay(ended, settled) is not None else "failed"


def _log_ending(ending: str, ended: Ended, delay: float | None) -> None:
    if ending in _UNREMARKABLE:
        return
    facts = logged(ended.task)
    step, run = facts["step"], facts["run_id"]
    match ending:
        case "claim_lost":
            log.warning("claim_lost: the result of step %s of run %s is refused", step, run, extra=facts)
        case "paused":
            log.info("step %s of run %s is paused until somebody decides", step, run, extra=facts)
        case "retry_scheduled":
            log.info("step %s of run %s is tried again in %.1f s", step, run, delay, extra=facts)
        case "failed":
            failure = attempt_failure(ended.outcome)
            text = f"{failure.code}: {failure.message}" if failure else "failed"
            log.warning("step %s of run %s failed: %s", step, run, text, extra=facts)


def _retry_delay(ended: Ended, settled: Settled | None) -> float | None:
    if settled is not None:
        return settled.retry_delay.total_seconds() if settled.retry_delay is not None else None
    return ended.decision.delay.total_seconds() if isinstance(ended.decision, Retry) else None


def _report_run(events: Events, task: Prepared, recorded: Recorded | None, settled: Settled | None) -> None:
    """Tell of the run's new status, if this completion is the one that changed it."""
    if settled is not None:
        before, after = settled.run_status_before, settled.run_status
    elif recorded is not None:
        before, after = RunStatus(recorded.run_status_before), RunStatus(recorded.run_status)
    else:
        return
    run = task.claim.run
    report_run(events, run.id, run.workflow, run.trigger, before, after)


def report_run(events: Events, run_id: UUID, workflow: str, trigger: str, before: RunStatus, after: RunStatus) -> None:
    """Tell of a run's new status, if it is new."""
    if before is after:
        return
    events.emit(
        "run.status_changed",
        run_id=str(run_id),
        workflow=workflow,
        trigger=trigger,
        from_status=before.value,
        to_status=after.value,
    )


def report_status(events: Events, run: Row[Any], before: RunStatus, after: RunStatus) -> None:
    """Tell of the new status that something other than the end of a step gave a run."""
    if before is not after:
        log.info("run %s is %s", run.id, after.value)
    report_run(events, run.id, run.workflow, run.trigger, before, after)
