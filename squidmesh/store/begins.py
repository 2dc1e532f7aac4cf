"""Beginning: what marks a claimed step as past the point from which it can simply be run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from squidmesh.store.tables import step_runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy import Connection

    from squidmesh.store.engine import Database


def begin_if_held(
    database: Database,
    connection: Connection,
    id_: UUID,
    token: UUID,
    *,
    lease: timedelta,
    recovery: Mapping[str, Any] | None,
) -> bool:
    """Mark a running step as begun, its lease new, if its claim stands and its lease has not passed.

    ``recovery`` is kept with it (None: what is there stays).
    """
    now = database.clock()
    kept = {} if recovery is None else {"recovery": recovery}
    begun = connection.execute(
        update(step_runs)
        .where(step_runs.c.id == id_, step_runs.c.claim_token == token, step_runs.c.lease_until > now)
        .values(begun_at=now, lease_until=now + lease, **kept)
    )
    return begun.rowcount == 1
