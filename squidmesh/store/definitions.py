"""Compiled definitions, and the lanes that their steps run on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from squidmesh.store.tables import definitions, lanes, queues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from squidmesh.store.engine import Database

Lane = tuple[str, str, int]
"""(queue, step type, priority)"""


def add_definition(
    database: Database, *, hash_: str, workflow: str, version: str | None, document: Mapping[str, Any]
) -> None:
    """Insert a definition if nobody has seen it."""
    with database.transaction() as connection:
        connection.execute(
            insert(definitions)
            .values(hash=hash_, workflow=workflow, version=version, document=document, first_seen_at=database.clock())
            .on_conflict_do_nothing()
        )


def read_definition(database: Database, hash_: str) -> Any | None:
    """Return the compiled document of a definition, None if it is not known."""
    with database.transaction() as connection:
        return connection.execute(
            select(definitions.c.document).where(definitions.c.hash == hash_)
        ).scalar_one_or_none()


def add_lanes(database: Database, wanted: Sequence[Lane]) -> dict[Lane, int]:
    """Insert the lanes that are missing and return the number of each."""
    with database.transaction() as connection:
        found = _read(connection, wanted)
        missing = sorted(lane for lane in wanted if lane not in found)
        if missing:
            # One at a time, so that numbers become visible in their order: a worker that has seen number 6 and
            # read its lanes would never look for a number 5 that is committed later.
            connection.execute(text(database.sql("LOCK TABLE squidmesh.lanes IN SHARE ROW EXCLUSIVE MODE")))
            connection.execute(
                insert(lanes).on_conflict_do_nothing(),
                [
                    {"queue": queue, "step_type": kind, "priority": priority, "solo": False}
                    for queue, kind, priority in missing
                ],
            )
            found = _read(connection, wanted)
        return found


def _read(connection: Connection, wanted: Sequence[Lane]) -> dict[Lane, int]:
    rows = connection.execute(
        select(lanes).where(
            tuple_(lanes.c.queue, lanes.c.step_type, lanes.c.priority).in_(list(wanted)), lanes.c.solo.is_(False)
        )
    )
    return {(row.queue, row.step_type, row.priority): row.id for row in rows}


def served_lanes(database: Database, served: Sequence[str], step_types: Sequence[str]) -> list[tuple[int, int, bool]]:
    """Return (number, priority, solo) of every lane of these queues and step types whose queue is not paused."""
    with database.transaction() as connection:
        rows = connection.execute(
            select(lanes.c.id, lanes.c.priority, lanes.c.solo)
            .where(lanes.c.queue.in_(list(served)), lanes.c.step_type.in_(list(step_types)))
            .where(lanes.c.queue.not_in(select(queues.c.name).where(queues.c.paused_at.is_not(None))))
            .order_by(lanes.c.id)
        )
        return [(row.id, row.priority, row.solo) for row in rows]
