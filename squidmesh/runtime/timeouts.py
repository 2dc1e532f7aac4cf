"""Runs that pass their workflow's ``timeout``: every process sweeps for them, and each ends as failed."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.model.duration import format_duration
from squidmesh.model.outcome import Failure
from squidmesh.model.state import RunStatus
from squidmesh.runtime.reporting import report_status
from squidmesh.runtime.stopping import proceed
from squidmesh.runtime.wakeups import announce_stop
from squidmesh.store import runs, stops

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg

    from squidmesh.runtime.definitions import Definition
    from squidmesh.runtime.engine import Engine

log = logging.getLogger(__name__)
BATCH = 50


def sweep_timeouts(engine: Engine, connection: psycopg.Connection[Any]) -> int:
    """Stop every run whose deadline has passed while it went forward; return how many were stopped."""
    overdue = stops.overdue_runs(engine.database, connection, BATCH)
    return sum(_time_out(engine, run_id, engine.definitions.get(hash_)) for run_id, hash_ in overdue)


def _time_out(engine: Engine, run_id: UUID, definition: Definition) -> bool:
    """Stop one run, to fail as ``run_timed_out``; False if it has ended or stops for something else by now."""
    database = engine.database
    with database.transaction() as connection:
        run = runs.lock_run(connection, run_id)
        if run is None:
            return False
        failure = {"step": run.current_step, **_failure(definition).to_dict(), "attempts": 0}
        if not stops.set_timed_out_if_overdue(database, connection, run_id, failure):
            return False
        stops.cancel_unclaimed(database, connection, run_id)
        running = stops.count_running(connection, run_id)
        after = proceed(database, connection, definition, run_id)
    log.warning("run %s of %s has timed out", run_id, run.workflow)
    if running:
        announce_stop(database, run_id)
    if not after.terminal:
        engine.notifier.announce(timedelta())
    report_status(engine.events, run, RunStatus(run.status), after)
    return True


def _failure(definition: Definition) -> Failure:
    assert definition.workflow.timeout is not None, "only a run with a timeout has a deadline"
    limit = format_duration(definition.workflow.timeout)
    return Failure(message=f"the run did not end within {limit}", code="run_timed_out")
