"""What may be done about a run now: the calls that would be accepted, and why a replay would not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.model.document import from_document
from squidmesh.model.state import Goal, RunStatus, StepRunKind, StepStatus
from squidmesh.runtime.replay import failed_step, read_past, why_unfit
from squidmesh.runtime.replay_plan import repeated_for_good, safe_beginning
from squidmesh.runtime.stopping import past_effects, plan_undoing
from squidmesh.store.history import read_documents
from squidmesh.store.replays import newest_definition

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
    database: Database,
    connection: Connection,
    run: Row[Any],
    steps: Sequence[Row[Any]],
    loaded: Mapping[str, Workflow],
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what may be done about a run that has ended, and details: what was not undone, what a replay repeats.

    ``loaded`` are the workflows that this process has loaded: a plain replay runs on the newest definition.
    """
    workflow = from_document(run.document)
    newest = loaded.get(run.workflow) or _newest_known(connection, run, workflow)
    past = read_past(database, connection, run.id, steps)
    details = _kept(run, workflow, steps, past)
    repeated = repeated_for_good(past.values(), [workflow, newest], ())
    unfit = why_unfit(run, newest)
    if not repeated and unfit is None:
        return ("replay_run",), details
    if repeated:
        details["replay_would_repeat"] = repeated
    if not repeated_for_good(past.values(), [workflow], ()):
        details["replay_original"] = unfit or "only the newest definition says that steps cannot be undone"
        return (), details
    return (), details | _beginning(workflow, past, run)


def _newest_known(connection: Connection, run: Row[Any], workflow: Workflow) -> Workflow:
    hash_ = newest_definition(connection, run.workflow)
    if hash_ is None or hash_ == run.definition_hash:
        return workflow
    return from_document(read_documents(connection, [hash_])[hash_])


def _beginning(workflow: Workflow, past: Mapping[str, PastStep], run: Row[Any]) -> dict[str, Any]:
    """Name a step from which a replay would be accepted; where none is, the open replays that stand in the way."""
    beginning = safe_beginning(workflow, past, failed_step(run))
    if beginning is not None:
        return {"replay_from": beginning}
    carriers = dict.fromkeys(str(item.carrier) for item in past.values() if item.carrier is not None)
    return {"replay_waits_for": list(carriers)} if carriers else {}


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
