"""Cancelling: a run is stopped by somebody, in whatever state it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidTransition, RunNotFound
from squidmesh.model.outcome import Failure
from squidmesh.model.state import Goal, Phase, RunStatus
from squidmesh.runtime.recording import error_text
from squidmesh.runtime.reporting import report_status
from squidmesh.runtime.stopping import proceed
from squidmesh.runtime.wakeups import announce_stop
from squidmesh.store import runs, stops
from squidmesh.store.audit_events import add_audit_event

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.runtime.definitions import Definition
    from squidmesh.runtime.engine import Engine

_TAKEN_AWAY = Failure(message="the run was cancelled and the step taken from its worker", code="run_cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """What was asked for; ``compensate`` undoes what completed, ``force`` waits for no attempt that runs."""

    actor: str | None = None
    reason: str | None = None
    compensate: bool = False
    force: bool = False


def cancel_run(engine: Engine, run_id: UUID, cancel: Cancel) -> None:
    """Cancel a run: at once if nothing of it runs and nothing is to be undone, else as soon as that has ended.

    A run that is failing is cancelled too: its compensations go on only if ``cancel`` asks for them, and it
    has no ``on_failure`` any more. A compensation that an earlier cancel asked for goes on unless forced.
    ``InvalidTransition`` if the run has ended, ``RunNotFound`` if there is none.
    """
    definition = definition_of_run(engine, run_id)
    with engine.database.transaction() as connection:
        run = runs.lock_run(connection, run_id)
        if run is None:
            raise RunNotFound(str(run_id))
        if RunStatus(run.status).terminal:
            raise InvalidTransition(run.status, RunStatus.CANCELLED.value)
        running, after = _apply(engine, connection, definition, run, cancel)
    if running:
        announce_stop(engine.database, run_id)
    if not after.terminal:
        engine.notifier.announce(timedelta())
    report_status(engine.events, run, RunStatus(run.status), after)


def definition_of_run(engine: Engine, run_id: UUID) -> Definition:
    """Return the definition that a run is pinned to; ``RunNotFound`` if there is no such run."""
    with engine.database.transaction() as connection:
        hash_ = stops.definition_of(connection, run_id)
    if hash_ is None:
        raise RunNotFound(str(run_id))
    return engine.definitions.get(hash_)


def _apply(
    engine: Engine, connection: Connection, definition: Definition, run: Row[Any], cancel: Cancel
) -> tuple[int, RunStatus]:
    """Return how many attempts were running, and what the run shows now."""
    database = engine.database
    asked_before = run.goal == Goal.CANCELLED and run.compensate and not cancel.force
    compensate = cancel.compensate or asked_before
    stops.set_cancelling_if_open(connection, run.id, compensate=compensate)
    undoing = compensate and run.phase == Phase.COMPENSATING
    stops.cancel_unclaimed(database, connection, run.id, but_compensations=undoing)
    running = stops.count_running(connection, run.id)
    if cancel.force:
        stops.take_claims(database, connection, run.id, error_text(_TAKEN_AWAY))
    add_audit_event(
        database,
        connection,
        run.id,
        "cancelled",
        actor=cancel.actor,
        comment=cancel.reason,
        metadata={"compensate": compensate, "force": cancel.force},
    )
    return running, proceed(database, connection, definition, run.id)
