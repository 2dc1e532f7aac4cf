"""Queues: pausing and resuming their claims, and what stands in each.

A queue has a row once somebody has paused it. Every change gets the next number, and a claim says up to which
number its lanes are right: so a pause holds from its commit on, and costs nothing where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from squidmesh.store.tables import lanes, queues, workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from squidmesh.store.engine import Database


def lock_queues(database: Database, connection: Connection) -> None:
    """Keep every other change of a queue out, so that the numbers of changes become visible in their order."""
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '5s'"))
    connection.execute(text(database.sql("LOCK TABLE squidmesh.queues IN SHARE ROW EXCLUSIVE MODE")))


def _next_change() -> ColumnElement[int]:
    return select(func.coalesce(func.max(queues.c.change), 0) + 1).scalar_subquery()


def pause_if_served(
    database: Database, connection: Connection, name: str, *, actor: str | None, comment: str | None
) -> bool:
    """Move a queue from served to paused; False if it is paused already. The caller holds ``lock_queues``."""
    now = database.clock()
    values = {"paused_at": now, "actor": actor, "comment": comment, "changed_at": now, "change": _next_change()}
    statement = insert(queues).values(name=name, **values)
    paused = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={column: statement.excluded[column] for column in values},
        where=queues.c.paused_at.is_(None),
    )
    return connection.execute(paused.returning(queues.c.name)).one_or_none() is not None


def resume_if_paused(
    database: Database, connection: Connection, name: str, *, actor: str | None, comment: str | None
) -> bool:
    """Move a queue from paused to served; False if it is not paused. The caller holds ``lock_queues``."""
    now = database.clock()
    values = {"paused_at": None, "actor": actor, "comment": comment, "changed_at": now, "change": _next_change()}
    resumed = update(queues).where(queues.c.name == name, queues.c.paused_at.is_not(None)).values(values)
    return connection.execute(resumed.returning(queues.c.name)).one_or_none() is not None


def read_pause(connection: Connection, name: str) -> Row[Any, *tuple[Any, ...]] | None:
    """Return (paused_at, actor, comment) of a paused queue, None if it is served."""
    return connection.execute(
        select(queues.c.paused_at, queues.c.actor, queues.c.comment).where(
            queues.c.name == name, queues.c.paused_at.is_not(None)
        )
    ).one_or_none()


def known_queues(connection: Connection) -> Sequence[str]:
    """Return the name of every queue that a definition or a worker names, or that somebody has paused, in order."""
    named = select(lanes.c.queue).union(select(queues.c.name), select(func.unnest(workers.c.queues)))
    return sorted(connection.execute(named).scalars())


# What is due and what is to come are the two parts of each lane's piece of the claim's index.
_STANDING = """
SELECT n.name, coalesce(p.due, 0) AS due, coalesce(p.later, 0) AS later, p.oldest_due_at,
    coalesce(r.running, 0) AS running,
    (SELECT count(*) FROM squidmesh.workers w WHERE n.name = ANY(w.queues)
        AND w.silent_at > squidmesh.now()) AS workers,
    q.paused_at, q.actor, q.comment, q.changed_at
FROM unnest(CAST(:names AS text[])) n(name)
LEFT JOIN LATERAL (
    SELECT sum(c.due) AS due, sum(c.later) AS later, min(c.oldest) AS oldest_due_at
    FROM squidmesh.lanes l CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE s.run_at <= squidmesh.now()) AS due,
            count(*) FILTER (WHERE s.run_at > squidmesh.now()) AS later,
            min(s.run_at) FILTER (WHERE s.run_at <= squidmesh.now()) AS oldest
        FROM squidmesh.step_runs s WHERE s.status = 'pending' AND s.lane = l.id) c
    WHERE l.queue = n.name) p ON true
LEFT JOIN (
    SELECT l.queue, count(*) AS running FROM squidmesh.step_runs s JOIN squidmesh.lanes l ON l.id = s.lane
    WHERE s.status = 'running' GROUP BY l.queue) r ON r.queue = n.name
LEFT JOIN squidmesh.queues q ON q.name = n.name
ORDER BY n.name
"""


def read_standing(
    database: Database, connection: Connection, names: Sequence[str]
) -> Sequence[Row[Any, *tuple[Any, ...]]]:
    """Return, for each queue named, what is due, running and to come, who serves it and whether it is paused."""
    return connection.execute(text(database.sql(_STANDING)), {"names": list(names)}).all()
