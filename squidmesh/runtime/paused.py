"""Explaining a pause: what waits for a person, what may be decided, by whom, and what each decision leads to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from squidmesh.model.gate import PauseReason
from squidmesh.model.ruling import ACCEPTED, ManualAction
from squidmesh.model.state import StepStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row

REASONS = {
    PauseReason.PAUSE: "paused_for_manual_action",
    PauseReason.APPROVAL: "paused_for_approval",
    PauseReason.INTERRUPTED: "interrupted_irreversible_step",
    PauseReason.WORKER_LOST: "paused_for_manual_action",
}
_ROUTES = {ManualAction.APPROVE: "ok", ManualAction.REJECT: "error", ManualAction.UNBLOCK: "ok"}


def paused_among(steps: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Return the paused step runs, in their order."""
    return [step for step in steps if step.status == StepStatus.PAUSED]


def actions_for(paused: Sequence[Row[Any]]) -> tuple[str, ...]:
    """Return the façade's calls that decide about paused steps, each once."""
    calls = [action.value for row in paused for action in ACCEPTED[PauseReason(row.resume["reason"])]]
    return tuple(dict.fromkeys(calls))


def reasons_by_step(paused: Sequence[Row[Any]]) -> dict[str, str]:
    """Return why each of some paused steps waits."""
    return {row.step: REASONS[PauseReason(row.resume["reason"])] for row in paused}


def interrupted_among(paused: Sequence[Row[Any]]) -> dict[str, list[str]]:
    """Return the paused steps that ``unblock_run(retry=True)`` would try again, if there are any, as a detail."""
    steps = [row.step for row in paused if PauseReason(row.resume["reason"]).interrupted]
    return {"interrupted": steps} if steps else {}


def describe_pause(steps: Sequence[Row[Any]], now: datetime) -> dict[str, Any] | None:
    """Return why a run that waits for nothing but people waits, in the terms of an explanation; None if it does not."""
    paused = paused_among(steps)
    if not paused:
        return None
    first = paused[0]
    reason = PauseReason(first.resume["reason"])
    return {
        "reason": REASONS[reason],
        "since": datetime.fromisoformat(first.resume["paused_at"]),
        "step": first.step,
        "details": _details(first, reason, now) | _others(paused) | interrupted_among(paused),
        "actions": actions_for(paused),
    }


def _details(row: Row[Any], reason: PauseReason, now: datetime) -> dict[str, Any]:
    kept = row.resume
    details: dict[str, Any] = {
        key: kept[source]
        for key, source in (("title", "title"), ("shown", "input"), ("interrupted_by", "error"))
        if kept.get(source) is not None
    }
    if row.deadline_at is not None:
        details |= {"deadline_at": row.deadline_at.isoformat(), "deadline_passed": row.deadline_at <= now}
    if reason.interrupted:
        details["begun_at"] = row.begun_at.isoformat() if row.begun_at is not None else None
    details["actor"] = "required" if reason is PauseReason.APPROVAL else "optional"
    details["choices"] = _choices(kept, reason, max(row.run_at, now))
    return details


def _choices(kept: Mapping[str, Any], reason: PauseReason, earliest: datetime) -> dict[str, str]:
    """Return what each call would mean, for whoever decides."""
    if reason.interrupted:
        return {
            "unblock_run": "the step is done, with metadata as its output: " + _lead(kept, ManualAction.UNBLOCK),
            "unblock_run(retry=True)": f"another attempt, not before {earliest.isoformat(timespec='seconds')}",
        }
    return {action.value: _lead(kept, action) for action in ACCEPTED[reason]}


def _lead(kept: Mapping[str, Any], action: ManualAction) -> str:
    routes = kept.get("next")
    if routes is None:
        return "the step fails" if action is ManualAction.REJECT else "what waits for the step goes on"
    targets = [transition["to"] for transition in routes.get(_ROUTES[action], ())]
    return "leads to " + (" or ".join(dict.fromkeys(targets)) if targets else "the failure of the run")


def _others(paused: Sequence[Row[Any]]) -> dict[str, Any]:
    return {"paused": reasons_by_step(paused)} if len(paused) > 1 else {}
