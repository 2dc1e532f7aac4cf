"""Pruning: deleting finished runs with every row that belongs to them, in short transactions.

Runs are found by their ids, which sort by the time at which they were made: a run that finished before a moment
was made before it, so that no index on the end of runs is needed, which every run would pay for. The clocks of
the machines that make ids may be off by ``_SKEW`` at most, else a run goes that much later.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import dict_row
from sqlalchemy import text

from squidmesh.model.identity import first_id_of
from squidmesh.model.upkeep import Pruned

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from squidmesh.store.engine import Database

_SKEW = timedelta(days=1)
FIRST = UUID(int=0)

# An open replay stands on what its finished original did: until it ends, the original says that it is not to be undone.
# coalesce() keeps the planner off the index of open runs, which it would take for as good as the key.
_FREE = """NOT EXISTS (
        SELECT 1 FROM squidmesh.step_runs s JOIN squidmesh.step_runs o ON o.origin_id = coalesce(s.origin_id, s.id)
            JOIN squidmesh.runs c ON c.id = o.run_id
        WHERE s.run_id = r.id AND s.kind = 0 AND o.kind = 0 AND c.id <> r.id
            AND coalesce(c.finished_at, 'infinity') = 'infinity')"""

# A run that somebody has locked (another pruner, a replay that reads it) is left alone. Its row goes with its
# children in one statement, the run locked first, as everywhere.
_PRUNE = f"""
WITH old AS MATERIALIZED (
    SELECT r.id FROM squidmesh.runs r WHERE r.id > %(after)s::uuid AND r.id < %(made_before)s::uuid
        AND r.finished_at < %(before)s::timestamptz AND {_FREE}
    ORDER BY r.id LIMIT %(limit)s::int FOR UPDATE OF r SKIP LOCKED),
step AS (DELETE FROM squidmesh.step_runs WHERE run_id = ANY(ARRAY(SELECT id FROM old)) RETURNING id),
attempt AS (DELETE FROM squidmesh.attempts WHERE step_run_id = ANY(ARRAY(SELECT id FROM step)) RETURNING 1),
span AS (DELETE FROM squidmesh.attempt_spans WHERE step_run_id = ANY(ARRAY(SELECT id FROM step))),
event AS (DELETE FROM squidmesh.audit_events WHERE run_id = ANY(ARRAY(SELECT id FROM old)) RETURNING 1),
run AS (DELETE FROM squidmesh.runs WHERE id = ANY(ARRAY(SELECT id FROM old)) RETURNING id)
SELECT (SELECT count(*) FROM run) AS runs, (SELECT count(*) FROM step) AS step_runs,
    (SELECT count(*) FROM attempt) AS attempts, (SELECT count(*) FROM event) AS audit_events,
    (SELECT id FROM run ORDER BY id DESC LIMIT 1) AS last
"""  # noqa: S608 - both halves are ours


def delete_finished(
    database: Database, connection: psycopg.Connection[Any], before: datetime, after: UUID, limit: int
) -> tuple[Pruned, UUID | None]:
    """Delete up to ``limit`` runs that finished before a moment, in order of id; return the last id, None if none."""
    arguments = {"after": after, "made_before": first_id_of(before + _SKEW), "before": before, "limit": limit}
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute(database.sql(_PRUNE), arguments).fetchone()
    assert row is not None, "counts are always there"
    last: UUID | None = row.pop("last")
    return Pruned(before=before, **row), last


_COUNT = f"""
WITH old AS MATERIALIZED (
    SELECT r.id FROM squidmesh.runs r WHERE r.id < CAST(:made_before AS uuid)
        AND r.finished_at < CAST(:before AS timestamptz) AND {_FREE}),
step AS MATERIALIZED (SELECT s.id FROM squidmesh.step_runs s JOIN old ON old.id = s.run_id)
SELECT (SELECT count(*) FROM old) AS runs, (SELECT count(*) FROM step) AS step_runs,
    (SELECT count(*) FROM squidmesh.attempts a JOIN step ON step.id = a.step_run_id) AS attempts,
    (SELECT count(*) FROM squidmesh.audit_events e JOIN old ON old.id = e.run_id) AS audit_events
"""  # noqa: S608 - both halves are ours


def count_finished(database: Database, before: datetime) -> Pruned:
    """Return what ``delete_finished`` would delete, were it called until nothing is left."""
    arguments = {"made_before": first_id_of(before + _SKEW), "before": before}
    with database.snapshot() as connection:
        row = connection.execute(text(database.sql(_COUNT)), arguments).mappings().one()
    return Pruned(before=before, dry_run=True, **row)


def moment_before(database: Database, connection: psycopg.Connection[Any], age: timedelta) -> datetime:
    """Return the time that lies ``age`` before now by the database's clock."""
    row = connection.execute(database.sql("SELECT squidmesh.now() - %s::interval"), [age]).fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment
