"""Solo lanes: where step runs wait that have taken their process down more than once, to be run alone.

A solo lane is made when the first step run needs it; from then on every process looks there, but only while
it has nothing else in flight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    import psycopg

    from squidmesh.store.engine import Database

_ADD = """
INSERT INTO squidmesh.lanes (queue, step_type, priority, solo)
SELECT l.queue, l.step_type, l.priority, true FROM squidmesh.step_runs s JOIN squidmesh.lanes l ON l.id = s.lane
WHERE s.id = %(id)s AND NOT EXISTS (
    SELECT 1 FROM squidmesh.lanes o
    WHERE o.queue = l.queue AND o.step_type = l.step_type AND o.priority = l.priority AND o.solo)
ON CONFLICT DO NOTHING
"""
_MOVE = """
UPDATE squidmesh.step_runs s SET lane = o.id FROM squidmesh.lanes l JOIN squidmesh.lanes o
    ON o.queue = l.queue AND o.step_type = l.step_type AND o.priority = l.priority AND o.solo
WHERE s.id = %(id)s AND s.status = 'pending' AND l.id = s.lane AND NOT l.solo
"""


def move_to_solo_lane_if_pending(
    database: Database, execute: Callable[[str, dict[str, Any]], object], id_: UUID
) -> None:
    """Move a pending step run to the solo lane of its queue, step type and priority, made if it is missing.

    ``execute`` is the method of a connection, psycopg's or SQLAlchemy's (``exec_driver_sql``), whose transaction
    has locked the run.
    """
    for statement in (_ADD, _MOVE):
        execute(database.sql(statement), {"id": id_})


_DUE = """
SELECT EXISTS (SELECT 1 FROM unnest(%(lanes)s::int[]) l(lane) CROSS JOIN LATERAL (
    SELECT 1 FROM squidmesh.step_runs s WHERE s.status = 'pending' AND s.lane = l.lane AND s.run_at <= squidmesh.now()
    ORDER BY s.lane, s.run_at, s.id LIMIT 1) due)
"""


def is_any_due(database: Database, connection: psycopg.Connection[Any], lanes: Sequence[int]) -> bool:
    """Return whether a step run of these lanes is due."""
    row = connection.execute(database.sql(_DUE), {"lanes": list(lanes)}).fetchone()
    return row is not None and bool(row[0])
