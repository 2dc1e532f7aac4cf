"""Schedules: one row for each cron trigger, with the cron of the newest definition and how far it has fired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import namedtuple_row
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from squidmesh.store.tables import definitions, runs, schedules

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    import psycopg
    from sqlalchemy import ColumnElement, Connection, Row

    from squidmesh.store.engine import Database


def newest_definition(connection: Connection, workflow: str) -> str | None:
    """Return the hash of the definition of a workflow that was first seen last."""
    newest = select(definitions.c.hash).where(definitions.c.workflow == workflow)
    return connection.execute(
        newest.order_by(definitions.c.first_seen_at.desc(), definitions.c.hash.desc()).limit(1)
    ).scalar_one_or_none()


def add_schedule(
    database: Database, connection: Connection, workflow: str, trigger: str, cron: Mapping[str, Any], hash_: str
) -> None:
    """Write the row of a schedule that nobody has seen; it counts as fired up to now."""
    connection.execute(
        insert(schedules)
        .values(workflow=workflow, trigger=trigger, cron=cron, definition_hash=hash_, last_fired_at=database.clock())
        .on_conflict_do_nothing()
    )


def lock_schedule(connection: Connection, workflow: str, trigger: str) -> Row[Any] | None:
    """Lock a schedule and return its row; None if there is none."""
    return connection.execute(select(schedules).where(*_named(workflow, trigger)).with_for_update()).one_or_none()


def lock_schedule_if_firing(
    database: Database, connection: Connection, workflow: str, trigger: str, hash_: str
) -> Row[Any, *tuple[Any, ...]] | None:
    """Lock a schedule of this definition that is not paused; return (last_fired_at, now).

    None if there is none such, or if somebody else holds it: then he fires it.
    """
    statement = select(schedules.c.last_fired_at, database.clock().label("now")).where(
        *_named(workflow, trigger), schedules.c.definition_hash == hash_, schedules.c.paused_at.is_(None)
    )
    return connection.execute(statement.with_for_update(skip_locked=True, of=schedules)).one_or_none()


def set_fired_upto(connection: Connection, workflow: str, trigger: str, moment: datetime) -> None:
    """Move a locked schedule on to the last tick that was decided about."""
    connection.execute(update(schedules).where(*_named(workflow, trigger)).values(last_fired_at=moment))


def set_cron(connection: Connection, workflow: str, trigger: str, cron: Mapping[str, Any], hash_: str) -> None:
    """Give a locked schedule the cron of another definition; how far it has fired stays."""
    connection.execute(update(schedules).where(*_named(workflow, trigger)).values(cron=cron, definition_hash=hash_))


def set_fired_upto_now(database: Database, connection: Connection, workflow: str, trigger: str) -> None:
    """Forget what a locked schedule has missed."""
    connection.execute(update(schedules).where(*_named(workflow, trigger)).values(last_fired_at=database.clock()))


def remove_other_schedules(connection: Connection, workflow: str, triggers: Collection[str]) -> None:
    """Delete the schedules of a workflow that its newest definition does not have."""
    connection.execute(
        delete(schedules).where(schedules.c.workflow == workflow, schedules.c.trigger.not_in(list(triggers)))
    )


def pause_if_firing(
    database: Database, connection: Connection, workflow: str, trigger: str, *, actor: str | None, comment: str | None
) -> None:
    """Move a schedule from firing to paused; one that is paused already keeps who did it."""
    connection.execute(
        update(schedules)
        .where(*_named(workflow, trigger), schedules.c.paused_at.is_(None))
        .values(paused_at=database.clock(), actor=actor, comment=comment)
    )


def resume_if_paused(
    database: Database, connection: Connection, workflow: str, trigger: str, *, actor: str | None, comment: str | None
) -> None:
    """Move a schedule from paused to firing; what came due meanwhile is not made up for."""
    connection.execute(
        update(schedules)
        .where(*_named(workflow, trigger), schedules.c.paused_at.is_not(None))
        .values(paused_at=None, last_fired_at=database.clock(), actor=actor, comment=comment)
    )


_POSITIONS = """
SELECT workflow, trigger, definition_hash, paused_at, last_fired_at, squidmesh.now() AS now FROM squidmesh.schedules
"""


def read_positions(database: Database, connection: psycopg.Connection[Any]) -> Sequence[Any]:
    """Return (workflow, trigger, definition_hash, paused_at, last_fired_at, now) of every schedule."""
    return connection.cursor(row_factory=namedtuple_row).execute(database.sql(_POSITIONS)).fetchall()


def read_schedules(database: Database, connection: Connection) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return every schedule's row with the time ``now``."""
    return connection.execute(
        select(schedules, database.clock().label("now")).order_by(schedules.c.workflow, schedules.c.trigger)
    ).all()


def last_ticks(connection: Connection) -> dict[tuple[str, str], datetime]:
    """Return the newest time that each schedule started a run for; one look-up by index a schedule."""
    last = (
        select(runs.c.scheduled_for)
        .where(
            runs.c.workflow == schedules.c.workflow,
            runs.c.trigger == schedules.c.trigger,
            runs.c.scheduled_for.is_not(None),
        )
        .order_by(runs.c.scheduled_for.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(select(schedules.c.workflow, schedules.c.trigger, last.label("at")))
    return {(row.workflow, row.trigger): row.at for row in rows if row.at is not None}


def has_unfinished_run(connection: Connection, workflow: str, trigger: str) -> bool:
    """Return whether a run that this trigger started has not ended."""
    found = select(runs.c.id).where(
        runs.c.workflow == workflow, runs.c.trigger == trigger, runs.c.finished_at.is_(None)
    )
    return connection.execute(found.limit(1)).one_or_none() is not None


def find_tick(connection: Connection, workflow: str, trigger: str, moment: datetime) -> UUID | None:
    """Return the run that a schedule started for a time."""
    return connection.execute(
        select(runs.c.id).where(runs.c.workflow == workflow, runs.c.trigger == trigger, runs.c.scheduled_for == moment)
    ).scalar_one_or_none()


def _named(workflow: str, trigger: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return schedules.c.workflow == workflow, schedules.c.trigger == trigger
