"""Waking: a waiting retry or timer is made due now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.errors import InvalidTransition, RunNotFound
from squidmesh.model.state import RunStatus
from squidmesh.store import runs, step_runs
from squidmesh.store.audit_events import add_audit_event

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from squidmesh.store.engine import Database


def wake_run(database: Database, run_id: UUID, *, step: str | None, actor: str | None) -> dict[str, timedelta]:
    """Make the steps of a run that are due later due now; return how long each would still have waited.

    ``InvalidTransition`` if the run has ended or nothing of it (or of ``step``) waits for a time.
    """
    with database.transaction() as connection:
        run = runs.lock_run(connection, run_id)
        if run is None:
            raise RunNotFound(str(run_id))
        woken = step_runs.make_due_if_later(database, connection, run_id, step)
        if not woken:
            raise InvalidTransition(run.status, "woken", _reason(RunStatus(run.status), step))
        for name in woken:
            add_audit_event(database, connection, run_id, "woken", step=name, actor=actor)
    return woken


def _reason(status: RunStatus, step: str | None) -> str:
    if status.terminal:
        return "it has ended"
    return "nothing of it waits for a time" if step is None else f"step {step!r} does not wait for a time"
