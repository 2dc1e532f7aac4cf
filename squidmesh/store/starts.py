"""Starting runs: the runs and their first step runs, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.store.arguments import integers, intervals, moments, texts, uuids
from squidmesh.store.callers import execute_in, pyformat
from squidmesh.store.statement import hot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    import psycopg

    from squidmesh.store.callers import CallersConnection
    from squidmesh.store.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to insert; ``payload`` and ``schedule`` are JSON text, ``timeout`` is how long it may take."""

    id: UUID
    workflow: str
    trigger: str
    definition_hash: str
    payload: str
    active: int
    current_step: str | None
    idempotency_key: str | None = None
    request_hash: str | None = None
    schedule: str | None = None
    scheduled_for: datetime | None = None
    replayed_from: UUID | None = None
    timeout: timedelta | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStepRun:
    """A first step run to insert: due after ``delay`` if nothing is open before it, else waiting."""

    id: UUID
    run_id: UUID
    step: str
    lane: int
    delay: timedelta
    open_deps: int


_INSERT = """
WITH new AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:workflows AS text[]), CAST(:triggers AS text[]),
            CAST(:hashes AS text[]), CAST(:payloads AS text[]), CAST(:actives AS int[]), CAST(:currents AS text[]),
            CAST(:keys AS text[]), CAST(:requests AS text[]), CAST(:schedules AS text[]),
            CAST(:moments AS timestamptz[]), CAST(:replayed AS uuid[]), CAST(:timeouts AS interval[]),
            CAST(:traceparents AS text[]))
        AS n(id, workflow, trigger, hash, payload, active, current, key, request, schedule, moment, replayed, timeout,
            trace)),
run AS (
    INSERT INTO squidmesh.runs (id, workflow, trigger, definition_hash, status, phase, active, retrying, paused, seq,
        payload, current_step, idempotency_key, request_hash, schedule, scheduled_for, replayed_from, traceparent,
        deadline_at, created_at)
    SELECT id, workflow, trigger, hash, 'pending', 'forward', active, 0, 0, 0, payload::json, current, key, request,
        schedule::json, moment, replayed, trace, squidmesh.now() + timeout, squidmesh.now() FROM new
    ON CONFLICT DO NOTHING RETURNING id, created_at),
step AS (
    INSERT INTO squidmesh.step_runs (id, run_id, step, kind, status, lane, run_at, attempt, losses,
        open_deps, live_deps, scheduled_seq, created_at)
    SELECT s.id, s.run_id, s.step, 0, CASE WHEN s.open = 0 THEN 'pending' ELSE 'waiting' END, s.lane,
        CASE WHEN s.open = 0 THEN squidmesh.now() + s.delay END, 0, 0,
        s.open, 0, CASE WHEN s.open = 0 THEN 0 END, squidmesh.now()
    FROM unnest(CAST(:step_ids AS uuid[]), CAST(:step_runs AS uuid[]), CAST(:steps AS text[]), CAST(:lanes AS int[]),
            CAST(:delays AS interval[]), CAST(:opens AS int[])) AS s(id, run_id, step, lane, delay, open)
    WHERE s.run_id IN (SELECT id FROM run))
SELECT id, created_at FROM run
"""
_RUN_COLUMNS: dict[str, Callable[[Any], str]] = {
    "ids": uuids,
    "workflows": texts,
    "triggers": texts,
    "hashes": texts,
    "payloads": texts,
    "actives": integers,
    "currents": texts,
    "keys": texts,
    "requests": texts,
    "schedules": texts,
    "moments": moments,
    "replayed": uuids,
    "timeouts": intervals,
    "traceparents": texts,
}
_STEP_COLUMNS: dict[str, Callable[[Any], str]] = {
    "step_ids": uuids,
    "step_runs": uuids,
    "steps": texts,
    "lanes": integers,
    "delays": intervals,
    "opens": integers,
}
_AS_TEXT = _RUN_COLUMNS | _STEP_COLUMNS


def insert_runs(
    database: Database, connection: CallersConnection, new_runs: Sequence[NewRun], new_steps: Sequence[NewStepRun]
) -> dict[UUID, datetime]:
    """Insert runs with their first step runs; return when each was created, without those whose key or tick exists."""
    columns = _columns(new_runs, new_steps)
    return {row.id: row.created_at for row in execute_in(connection, database.sql(_INSERT), columns)}


def insert_runs_prepared(
    database: Database,
    connection: psycopg.Connection[Any],
    new_runs: Sequence[NewRun],
    new_steps: Sequence[NewStepRun],
) -> dict[UUID, datetime]:
    """Do what ``insert_runs`` does, by a prepared statement on a connection of our own."""
    arguments = {name: _AS_TEXT[name](values) for name, values in _columns(new_runs, new_steps).items()}
    return dict(hot(pyformat(_INSERT)).execute(database, connection, arguments).fetchall())


def _columns(new_runs: Sequence[NewRun], new_steps: Sequence[NewStepRun]) -> dict[str, list[Any]]:
    run_rows = [
        (
            run.id,
            run.workflow,
            run.trigger,
            run.definition_hash,
            run.payload,
            run.active,
            run.current_step,
            run.idempotency_key,
            run.request_hash,
            run.schedule,
            run.scheduled_for,
            run.replayed_from,
            run.timeout,
            run.traceparent,
        )
        for run in new_runs
    ]
    step_rows = [(step.id, step.run_id, step.step, step.lane, step.delay, step.open_deps) for step in new_steps]
    columns = dict(zip(_RUN_COLUMNS, map(list, zip(*run_rows, strict=True)), strict=True))
    return columns | dict(zip(_STEP_COLUMNS, map(list, zip(*step_rows, strict=True)), strict=True))


_OF_KEY = """
SELECT id, CAST(payload AS text) AS payload, request_hash, created_at FROM squidmesh.runs
WHERE workflow = CAST(:workflow AS text) AND idempotency_key = CAST(:key AS text)
"""


def find_by_key(database: Database, connection: CallersConnection, workflow: str, key: str) -> Any | None:
    """Return (id, payload as JSON text, request_hash, created_at) of a key's run, None if there is none."""
    rows = execute_in(connection, database.sql(_OF_KEY), {"workflow": workflow, "key": key})
    return rows[0] if rows else None
