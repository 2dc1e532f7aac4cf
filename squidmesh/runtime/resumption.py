"""Going on from a pause: a paused step ends by a decision, a person's or its deadline's.

The step is taken up under a token of the decision's own and ended as a worker's record would end it, so that all
that follows an outcome follows a decision too. The decision means what was kept with the step when it paused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from squidmesh.model.definition import Approval, OnDeadline
from squidmesh.model.document import routes_from_document
from squidmesh.model.state import RunStatus
from squidmesh.runtime.preparation import prepare
from squidmesh.runtime.recording import Ended
from squidmesh.runtime.reporting import report_ended
from squidmesh.runtime.settlement import settle_in
from squidmesh.store import pauses, runs
from squidmesh.store.claims import standing_claim
from squidmesh.store.engine import driver_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.model.definition import Step
    from squidmesh.model.outcome import Decided
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.events import Events
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.runtime.settlement import Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What a decision did: the step it ended, how, and how many seconds after the step had started."""

    task: Prepared
    outcome: Decided
    settled: Settled
    duration: float


def resume(
    engine: Engine,
    connection: Connection,
    run: Row[Any],
    id_: UUID,
    decide: Callable[[Step, datetime], Decided],
    *,
    overdue: bool = False,
) -> Resumed | None:
    """End a paused step of a locked run as ``decide`` says; None if it is not paused (or not ``overdue``)."""
    taken = pauses.take_up_if_paused(engine.database, connection, id_, uuid4(), overdue=overdue)
    if taken is None:
        return None
    first = taken.attempt == 1
    runs.shift_counters(engine.database, connection, run.id, active=int(first), retrying=int(not first), paused=-1)
    if "error" in taken.resume:
        runs.set_last_error(connection, run.id, None)
    driver = driver_connection(connection)
    claim = standing_claim(engine.database, driver, id_)
    (prepared,) = prepare(engine.database, driver, engine.definitions, [claim])
    task = _as_kept(prepared, taken.resume, taken.at)
    outcome = decide(task.step, taken.at)
    settled = settle_in(engine.database, connection, task, outcome, engine.rules)
    assert settled is not None, "the claim was made under this lock"
    return Resumed(
        task=task,
        outcome=outcome,
        settled=replace(settled, run_status_before=RunStatus(run.status)),
        duration=(taken.at - taken.started_at).total_seconds(),
    )


def _as_kept(task: Prepared, kept: Mapping[str, Any], at: datetime) -> Prepared:
    """Return the task with the routes, the output's name and ``on_deadline`` that were kept when it paused.

    Conditions of its routes are evaluated at the time of the decision.
    """
    routes = routes_from_document(kept["next"]) if "next" in kept else None
    action = task.step.action
    if isinstance(action, Approval):
        on_deadline = kept.get("on_deadline")
        action = replace(action, on_deadline=OnDeadline(on_deadline) if on_deadline else None)
    step = replace(task.step, action=action, next=routes, output=kept["output"])
    workflow = task.definition.workflow
    steps = {**workflow.steps, task.claim.step: step}
    definition = replace(task.definition, workflow=replace(workflow, steps=steps))
    return replace(task, step=step, definition=definition, claim=replace(task.claim, started_at=at))


def report_resumed(events: Events, resumed: Resumed) -> None:
    """Tell what a decision did, once it is committed."""
    ended = Ended(task=resumed.task, outcome=resumed.outcome, decision=None, completion=None)
    report_ended(events, ended, None, resumed.settled, resumed.duration)
