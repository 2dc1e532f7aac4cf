"""Finding runs by the beginning of their ids, along the key of ``runs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from squidmesh.store.tables import runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection


def newest_between(connection: Connection, low: UUID, high: UUID, limit: int) -> Sequence[UUID]:
    """Return ids of runs from ``low`` to ``high``, the newest first."""
    return (
        connection.execute(
            select(runs.c.id).where(runs.c.id.between(low, high)).order_by(runs.c.id.desc()).limit(limit)
        )
        .scalars()
        .all()
    )


def nearest(connection: Connection, id_: UUID) -> list[UUID]:
    """Return the ids just below and just above one that need not be there."""
    below = select(runs.c.id).where(runs.c.id <= id_).order_by(runs.c.id.desc()).limit(1)
    above = select(runs.c.id).where(runs.c.id > id_).order_by(runs.c.id).limit(1)
    return [found for each in (below, above) for found in connection.execute(each).scalars()]
