"""Sweeping deadlines: a gate that nobody decided in time is decided by its deadline."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.model.gate import Verdict, Way
from squidmesh.model.outcome import Decided, Failure
from squidmesh.runtime.manual import gate_output
from squidmesh.runtime.progression import way_of_deadline
from squidmesh.runtime.resumption import report_resumed, resume
from squidmesh.store import runs
from squidmesh.store.audit_events import add_audit_event
from squidmesh.store.pauses import overdue_steps

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import psycopg

    from squidmesh.model.definition import Step
    from squidmesh.runtime.engine import Engine

log = logging.getLogger(__name__)
BATCH = 50
NOBODY_DECIDED = Failure(message="nobody decided before the deadline", code="deadline_passed")


def sweep_deadlines(engine: Engine, connection: psycopg.Connection[Any]) -> int:
    """Decide every paused step whose deadline has passed; return how many were decided here."""
    decided = 0
    for id_, run_id in overdue_steps(engine.database, connection, BATCH):
        decided += expire(engine, id_, run_id)
    if decided:
        engine.notifier.announce(timedelta())
    return decided


def expire(engine: Engine, id_: UUID, run_id: UUID) -> bool:
    """Decide one paused step by its deadline; False if somebody was faster, or the deadline has not passed."""
    with engine.database.transaction() as connection:
        found = runs.find_run(connection, run_id)
    if found is None:
        return False
    engine.definitions.get(found.definition_hash)  # before the lock: reading it takes a connection of its own
    with engine.database.transaction() as connection:
        run = runs.lock_run(connection, run_id)
        if run is None:
            return False
        resumed = resume(engine, connection, run, id_, _decide, overdue=True)
        if resumed is None:
            return False
        step = resumed.task.claim.step
        add_audit_event(engine.database, connection, run_id, "deadline_passed", step=step)
    log.info("the deadline of step %s of run %s has passed", step, run_id)
    report_resumed(engine.events, resumed)
    return True


def _decide(step: Step, at: datetime) -> Decided:
    way = way_of_deadline(step)
    failure = NOBODY_DECIDED if way in {Way.ERROR, Way.FAIL} else None
    return Decided(way=way, output=gate_output(Verdict.EXPIRED, at), failure=failure)
