"""The run clock: the one function that every time comes from, which tests move and migrations put back.

Other sessions see a new body at their next statement. The function is inlined where it stands, so its body
is one expression, fit for index conditions.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from squidmesh.store.schema_version import REAL_CLOCK, define_clock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from squidmesh.store.engine import Database

_MICROSECOND = timedelta(microseconds=1)


def move_clock(database: Database, by: timedelta) -> None:
    """Let the clock show ``by`` more than it does, in every session from its next statement on."""
    with database.transaction() as connection:
        ahead = connection.execute(text(database.sql("SELECT squidmesh.now() - statement_timestamp()"))).scalar_one()
        microseconds = (ahead + by) // _MICROSECOND
        define_clock(connection, f"{REAL_CLOCK} + interval '{microseconds} microseconds'", schema=database.schema)


def restore_clock(database: Database) -> None:
    """Let the clock show the real time again."""
    with database.transaction() as connection:
        define_clock(connection, REAL_CLOCK, schema=database.schema)


# What comes due by itself: timers, retries and delays; deadlines of gates; time-outs of runs.
_NEXT_DUE = """
SELECT min(m.due) - squidmesh.now() FROM (
    SELECT min(run_at) FROM squidmesh.step_runs WHERE status = 'pending' AND run_at > squidmesh.now()
    UNION ALL
    SELECT min(deadline_at) FROM squidmesh.step_runs WHERE status = 'paused' AND deadline_at > squidmesh.now()
    UNION ALL
    SELECT min(deadline_at) FROM squidmesh.runs WHERE finished_at IS NULL AND deadline_at > squidmesh.now()) m(due)
"""


def next_due_in(database: Database, connection: Connection) -> timedelta | None:
    """Return how long until something of a run comes due, None if nothing will."""
    found: timedelta | None = connection.execute(text(database.sql(_NEXT_DUE))).scalar_one()
    return found
