"""Audit events: decisions that a person may ask about later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from squidmesh.store.tables import audit_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from squidmesh.store.engine import Database

DECISIONS = ("approved", "rejected", "resumed", "deadline_passed")


def add_audit_event(
    database: Database,
    connection: Connection,
    run_id: UUID,
    type_: str,
    *,
    step: str | None = None,
    actor: str | None = None,
    comment: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Append one event to a run's history."""
    connection.execute(
        insert(audit_events).values(
            run_id=run_id,
            step=step,
            type=type_,
            actor=actor,
            comment=comment,
            metadata=metadata,
            at=database.clock(),
        )
    )


def latest_decision(connection: Connection, run_id: UUID, step: str | None) -> Row[Any] | None:
    """Return the newest decision on a run's paused steps (on ``step``, if it is named), None if there is none."""
    statement = select(audit_events).where(audit_events.c.run_id == run_id, audit_events.c.type.in_(DECISIONS))
    if step is not None:
        statement = statement.where(audit_events.c.step == step)
    newest = statement.order_by(audit_events.c.id.desc()).limit(1)
    return connection.execute(newest).one_or_none()


def events_of_run(connection: Connection, run_id: UUID) -> Sequence[Row[Any]]:
    """Return a run's events in the order in which they were written, each under the lock of the run."""
    return connection.execute(
        select(audit_events).where(audit_events.c.run_id == run_id).order_by(audit_events.c.id)
    ).all()
