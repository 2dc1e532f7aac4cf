"""The tables, as SQLAlchemy sees them; ``migrations/`` makes them.

No table references another by a foreign key: every step would pay for the check with a look-up and a
lock on a row that other transactions want. The statements keep the references, and ``prune`` removes
children with their run.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, UUID

SCHEMA = "squidmesh"
metadata = MetaData(schema=SCHEMA)
_TIME = DateTime(timezone=True)
_JSON = JSON(none_as_null=True)

definitions = Table(
    "definitions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("version", Text),
    Column("document", _JSON, nullable=False),
    Column("first_seen_at", _TIME, nullable=False),
)

# A lane is what a worker can or cannot serve: one queue, step type and priority; what waits on a solo lane
# is claimed only by a process that has nothing else in flight.
lanes = Table(
    "lanes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("step_type", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("solo", Boolean, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("definition_hash", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("goal", Text),
    Column("compensate", Boolean, nullable=False),
    Column("active", Integer, nullable=False),
    Column("retrying", Integer, nullable=False),
    Column("paused", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("payload", _JSON, nullable=False),
    Column("schedule", _JSON),
    Column("scheduled_for", _TIME),
    Column("current_step", Text),
    Column("failure", _JSON),
    Column("last_error", _JSON),
    Column("idempotency_key", Text),
    Column("request_hash", Text),
    Column("replayed_from", UUID(as_uuid=True)),
    Column("traceparent", Text),
    Column("deadline_at", _TIME),
    Column("created_at", _TIME, nullable=False),
    Column("started_at", _TIME),
    Column("finished_at", _TIME),
)

step_runs = Table(
    "step_runs",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("run_id", UUID(as_uuid=True), nullable=False),
    Column("step", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("run_at", _TIME),
    Column("attempt", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("claim_token", UUID(as_uuid=True)),
    Column("worker", Text),
    Column("lease_until", _TIME),
    Column("begun_at", _TIME),
    Column("open_deps", Integer, nullable=False),
    Column("live_deps", Integer, nullable=False),
    Column("output", _JSON),
    Column("completed_seq", Integer),
    Column("scheduled_seq", Integer),
    Column("resume", _JSON),
    Column("deadline_at", _TIME),
    Column("recovery", _JSON),
    # The step run that executed it: of one that a replay carried over, and of a compensation that which it undoes.
    Column("origin_id", UUID(as_uuid=True)),
    Column("created_at", _TIME, nullable=False),
    Column("started_at", _TIME),
    Column("finished_at", _TIME),
)

attempts = Table(
    "attempts",
    metadata,
    Column("step_run_id", UUID(as_uuid=True), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("error", _JSON),
    Column("worker", Text),
    Column("started_at", _TIME, nullable=False),
    Column("finished_at", _TIME, nullable=False),
)

# Written by processes that trace, for attempts that failed: the next one links to their span.
attempt_spans = Table(
    "attempt_spans",
    metadata,
    Column("step_run_id", UUID(as_uuid=True), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("traceparent", Text, nullable=False),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_id", UUID(as_uuid=True), nullable=False),
    Column("step", Text),
    Column("type", Text, nullable=False),
    Column("actor", Text),
    Column("comment", Text),
    Column("metadata", _JSON),
    Column("at", _TIME, nullable=False),
)

# ``actor`` and ``comment`` are of the last pause or resumption.
schedules = Table(
    "schedules",
    metadata,
    Column("workflow", Text, primary_key=True),
    Column("trigger", Text, primary_key=True),
    Column("cron", _JSON, nullable=False),
    Column("definition_hash", Text, nullable=False),
    Column("paused_at", _TIME),
    Column("actor", Text),
    Column("comment", Text),
    Column("last_fired_at", _TIME),
)

# A queue that somebody has paused or resumed: who did it last, and a number that grows with every such change,
# by which workers see that there was one.
queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused_at", _TIME),
    Column("actor", Text),
    Column("comment", Text),
    Column("changed_at", _TIME, nullable=False),
    Column("change", BigInteger, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("step_types", ARRAY(Text), nullable=False),
    Column("started_at", _TIME, nullable=False),
    Column("beat_at", _TIME, nullable=False),
    Column("silent_at", _TIME, nullable=False),
)

# The tables of huey's own storage, which reads and writes them by statements of its own: tasks of the host.
huey_task = Table(
    "huey_task",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("priority", Double, nullable=False),
)

huey_schedule = Table(
    "huey_schedule",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("timestamp", Double, nullable=False),
)

huey_kv = Table(
    "huey_kv",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

huey_counter = Table(
    "huey_counter",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
