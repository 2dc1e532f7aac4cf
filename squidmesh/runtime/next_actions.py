"""What may be done about a run now: the calls that would be accepted, and why a replay would not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.model.document import from_document
from squidmesh.model.state import Goal, RunStatus, StepRunKind, StepStatus
from squidmesh.runtime.replay import failed_step, read_past
from squidmesh.runtime.replay_plan import repeated_for_good, safe_beginning
from squidmesh.runtime.stopping import past_effects, plan_undoing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.replay_plan import PastStep
    from squidmesh.store.engine import Database


def actions_while_open(steps: Sequence[Row[Any]], now: datetime) -> tuple[str, ...]:
    """Return what an operator may do to any run that has not ended, whatever it waits for."""
    later = any(step.status == StepStatus.PENDING and step.run_at > now for step in steps)
    return ("wake_run", "cancel_run") if later else ("cancel_run",)


def after_end(
    database: Database, connection: Connection, run: Row[Any], steps: Sequence[Row[Any]]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what may be done about a run that has ended, and details: what was not undone, what a replay repeats."""
    workflow = from_document(run.document)
    past = read_past(database, connection, run.id, steps)
    details = _kept(run, workflow, steps, past)
    repeated = repeated_for_good(past.values(), [workflow], ())
    if not repeated:
        return ("replay_run",), details
    details["replay_would_repeat"] = repeated
    beginning = safe_beginning(workflow, past, failed_step(run))
    if beginning is not None:
        details["replay_from"] = beginning
    return (), details


def _kept(run: Row[Any], workflow: Workflow, steps: Sequence[Row[Any]], past: Mapping[str, PastStep]) -> dict[str, Any]:
    """Name the irreversible step at which undoing stopped, and what was kept because of it."""
    if run.status == RunStatus.COMPLETED or (run.goal != Goal.FAILED and not run.compensate):
        return {}
    ended = [step for step in steps if step.kind == StepRunKind.STEP and step.finished_at is not None]
    interrupted = [name for name, item in past.items() if item.interrupted]
    undoing = plan_undoing(workflow, past_effects(ended, interrupted))
    if undoing.stopped_at is None:
        return {}
    details: dict[str, Any] = {"compensation_stopped_at": undoing.stopped_at, "kept": list(undoing.kept)}
    return details | {"outcome_unknown": True} if undoing.unknown else details
