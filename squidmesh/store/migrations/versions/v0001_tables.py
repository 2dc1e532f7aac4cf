"""Make the tables.

The CHECK constraints tie each status to its times, its claim and its counters, so that no statement,
ours or an operator's, can leave a row that the engine would not understand. ``json`` keeps the text
that was written (``jsonb`` would turn ``1e16`` into an integer and reorder keys).

The indexes of ``runs`` from ``runs_open`` on serve lists (the newest first, by id) and searches; none is about the
status, so that no claim touches an index. That of payloads costs a start about a fifteenth.

The indexes of ``step_runs`` by origin hold what replays carried over and what compensations undo, no other row: what
a step did is undone by one of the runs that know of it.

The other indexes of ``step_runs`` are what claiming, sweeping and deadlines need and no more, since each
slows every step. None contains the lease, so that a heartbeat touches no index.

The tables of a host's own huey tasks are made here, and not by huey when it first needs them: the user of an
application often may not make tables, two processes that make them at once collide, and a host that installs
ours by its own Alembic gets them in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FUNCTIONS = """
CREATE FUNCTION squidmesh.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT statement_timestamp()'
"""

DEFINITIONS = """
CREATE TABLE squidmesh.definitions (
    hash text PRIMARY KEY CHECK (length(hash) = 64),
    workflow text NOT NULL,
    version text,
    document json NOT NULL,
    first_seen_at timestamptz NOT NULL
);
CREATE INDEX definitions_workflow ON squidmesh.definitions (workflow, first_seen_at);
CREATE TABLE squidmesh.lanes (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    step_type text NOT NULL,
    priority integer NOT NULL,
    solo boolean NOT NULL DEFAULT false,
    UNIQUE (queue, step_type, priority, solo)
)
"""

RUNS = """
CREATE TABLE squidmesh.runs (
    id uuid PRIMARY KEY,
    workflow text NOT NULL,
    trigger text NOT NULL,
    definition_hash text NOT NULL,
    status text NOT NULL CHECK (status IN
        ('pending', 'running', 'retrying', 'paused', 'cancelling', 'completed', 'failed', 'cancelled')),
    phase text NOT NULL CHECK (phase IN ('forward', 'stopping', 'compensating')),
    goal text CHECK (goal IN ('failed', 'cancelled')),
    compensate boolean NOT NULL DEFAULT false,
    active integer NOT NULL CHECK (active >= 0),
    retrying integer NOT NULL CHECK (retrying >= 0),
    paused integer NOT NULL CHECK (paused >= 0),
    seq integer NOT NULL CHECK (seq >= 0),
    payload json NOT NULL,
    schedule json,
    scheduled_for timestamptz,
    current_step text,
    failure json,
    last_error json,
    idempotency_key text,
    request_hash text,
    replayed_from uuid,
    traceparent text,
    deadline_at timestamptz,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT goal_of_phase CHECK ((phase = 'forward') = (goal IS NULL)),
    CONSTRAINT cancelling_for_goal CHECK (status <> 'cancelling' OR goal IS NOT DISTINCT FROM 'cancelled'),
    CONSTRAINT ended_as_meant CHECK (
        CASE WHEN status = 'completed' THEN goal IS NULL
             WHEN status IN ('failed', 'cancelled') THEN goal IS NOT DISTINCT FROM status ELSE true END),
    CONSTRAINT finished_at_end CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CONSTRAINT nothing_open_at_end CHECK (finished_at IS NULL OR active + retrying + paused = 0),
    CONSTRAINT something_open_before CHECK (finished_at IS NOT NULL OR active + retrying + paused > 0)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE UNIQUE INDEX runs_idempotency ON squidmesh.runs (idempotency_key, workflow) WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX runs_tick ON squidmesh.runs (workflow, trigger, scheduled_for) WHERE scheduled_for IS NOT NULL;
-- For lists alone: PostgreSQL 18 would skip through it to find runs by id (the condition always holds).
CREATE INDEX runs_of_workflow ON squidmesh.runs (workflow, id) WHERE workflow IS NOT NULL;
CREATE INDEX runs_open ON squidmesh.runs (id) WHERE finished_at IS NULL;
CREATE INDEX runs_stopped ON squidmesh.runs (id) WHERE goal IS NOT NULL;
CREATE INDEX runs_created ON squidmesh.runs USING brin (created_at);
CREATE INDEX runs_payload ON squidmesh.runs USING gin ((payload::jsonb) jsonb_path_ops);
CREATE INDEX runs_deadline ON squidmesh.runs (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL
"""

STEP_RUNS = """
CREATE TABLE squidmesh.step_runs (
    id uuid PRIMARY KEY,
    run_id uuid NOT NULL,
    step text NOT NULL,
    kind smallint NOT NULL CHECK (kind IN (0, 1, 2)),
    status text NOT NULL CHECK (status IN
        ('waiting', 'pending', 'running', 'paused', 'completed', 'failed', 'skipped', 'cancelled')),
    lane integer NOT NULL,
    run_at timestamptz,
    attempt integer NOT NULL CHECK (attempt >= 0),
    losses integer NOT NULL CHECK (losses >= 0),
    claim_token uuid,
    worker text,
    lease_until timestamptz,
    begun_at timestamptz,
    open_deps integer NOT NULL CHECK (open_deps >= 0),
    live_deps integer NOT NULL CHECK (live_deps >= 0),
    output json,
    completed_seq integer,
    scheduled_seq integer,
    resume json,
    deadline_at timestamptz,
    recovery json,
    origin_id uuid,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT once_per_run UNIQUE (run_id, step, kind),
    CONSTRAINT claimed_while_running CHECK (
        (status = 'running') = (claim_token IS NOT NULL) AND (status = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT running_by_somebody CHECK (status <> 'running' OR (worker IS NOT NULL AND started_at IS NOT NULL)),
    CONSTRAINT waits_for_something CHECK (status <> 'waiting' OR open_deps > 0),
    CONSTRAINT due_sometime CHECK (status <> 'pending' OR run_at IS NOT NULL),
    CONSTRAINT finished_at_end CHECK (
        (finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'skipped', 'cancelled'))),
    CONSTRAINT counted_when_completed CHECK (status <> 'completed' OR completed_seq IS NOT NULL),
    CONSTRAINT output_of_ended CHECK (output IS NULL OR status IN ('completed', 'failed'))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX step_runs_claim ON squidmesh.step_runs (lane, run_at, id) WHERE status = 'pending';
CREATE INDEX step_runs_running ON squidmesh.step_runs (id) WHERE status = 'running';
CREATE INDEX step_runs_deadline ON squidmesh.step_runs (deadline_at) WHERE status = 'paused';
CREATE INDEX step_runs_carried ON squidmesh.step_runs (origin_id) WHERE origin_id IS NOT NULL;
CREATE UNIQUE INDEX step_runs_undone_once ON squidmesh.step_runs (origin_id)
    WHERE kind = 1 AND status <> 'cancelled';
CREATE TABLE squidmesh.attempts (
    step_run_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    status text NOT NULL CHECK (status IN ('completed', 'failed')),
    error json,
    worker text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (step_run_id, number),
    CONSTRAINT error_of_failed CHECK ((status = 'failed') = (error IS NOT NULL))
);
CREATE TABLE squidmesh.attempt_spans (
    step_run_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    traceparent text NOT NULL,
    PRIMARY KEY (step_run_id, number)
)
"""

RECORDS = """
CREATE TABLE squidmesh.audit_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    step text,
    type text NOT NULL,
    actor text,
    comment text,
    metadata json,
    at timestamptz NOT NULL
);
CREATE INDEX audit_events_of_run ON squidmesh.audit_events (run_id);
CREATE TABLE squidmesh.schedules (
    workflow text NOT NULL,
    trigger text NOT NULL,
    cron json NOT NULL,
    definition_hash text NOT NULL,
    paused_at timestamptz,
    actor text,
    comment text,
    last_fired_at timestamptz,
    PRIMARY KEY (workflow, trigger)
);
CREATE TABLE squidmesh.queues (
    name text PRIMARY KEY,
    paused_at timestamptz,
    actor text,
    comment text,
    changed_at timestamptz NOT NULL,
    change bigint NOT NULL UNIQUE CHECK (change > 0)
);
CREATE TABLE squidmesh.workers (
    id text PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    queues text[] NOT NULL,
    step_types text[] NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    silent_at timestamptz NOT NULL
)
"""

# As huey's PostgresStorage makes them, column by column: it reads and writes them by statements of its own. But an
# identity instead of a serial, on whose sequence a user with rights on the tables alone has none.
HUEY = """
CREATE TABLE squidmesh.huey_task (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    data bytea NOT NULL,
    priority double precision NOT NULL DEFAULT 0.0
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX huey_task_queue_priority_id ON squidmesh.huey_task (queue, priority DESC, id);
CREATE TABLE squidmesh.huey_schedule (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    data bytea NOT NULL,
    timestamp double precision NOT NULL
);
CREATE INDEX huey_schedule_queue_timestamp ON squidmesh.huey_schedule (queue, timestamp);
CREATE TABLE squidmesh.huey_kv (
    queue text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (queue, key)
);
CREATE TABLE squidmesh.huey_counter (
    queue text NOT NULL,
    key text NOT NULL,
    value bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, key)
)
"""

TABLES = (
    "huey_counter",
    "huey_kv",
    "huey_schedule",
    "huey_task",
    "workers",
    "queues",
    "schedules",
    "audit_events",
    "attempt_spans",
    "attempts",
    "step_runs",
    "runs",
    "lanes",
    "definitions",
)


def upgrade(execute: Callable[[str], None]) -> None:
    """Make every table of the first release."""
    for block in (FUNCTIONS, DEFINITIONS, RUNS, STEP_RUNS, RECORDS, HUEY):
        for statement in block.split(";\n"):
            execute(statement)


def downgrade(execute: Callable[[str], None]) -> None:
    """Drop them; the schema itself stays, since the version table lives in it."""
    for table in TABLES:
        execute(f"DROP TABLE squidmesh.{table}")
    execute("DROP FUNCTION squidmesh.now()")
