"""What tests know beside the engine's own tables: who was told what, who executed what, and every move of a row.

It is a schema of its own in the same database. Steps write what they do on connections of their own; triggers on
the engine's tables note each move in the transaction that makes it, with the session that made it, so that what a
later move overwrites is still known. All times are of the engine's clock.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from squidmesh import StepContext

SCHEMA = "ledger"
# Of a row that has ended nothing of this may ever change.
_KEPT_STEP = ("status", "attempt", "losses", "output::text", "completed_seq", "begun_at", "finished_at")
_KEPT_RUN = ("status", "phase", "goal", "active", "retrying", "paused", "seq", "failure::text", "finished_at")
_TABLES = """
CREATE SCHEMA ledger;
CREATE TABLE ledger.acknowledged (run_id uuid PRIMARY KEY, at timestamptz NOT NULL);
CREATE TABLE ledger.executions (
    id uuid PRIMARY KEY, run_id uuid NOT NULL, step text NOT NULL, kind int NOT NULL, attempt int NOT NULL,
    pid int NOT NULL, token uuid, seen text[] NOT NULL, began_at timestamptz NOT NULL, ended_at timestamptz
);
CREATE TABLE ledger.bookings (run_id uuid NOT NULL, step text NOT NULL, execution uuid NOT NULL);
CREATE TABLE ledger.step_moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, step_run_id uuid NOT NULL, was text, now text NOT NULL,
    was_token uuid, token uuid, was_lease timestamptz, lease timestamptz, was_attempt int, attempt int NOT NULL,
    was_due timestamptz, due timestamptz, was_deadline timestamptz, kept boolean NOT NULL,
    at timestamptz NOT NULL, session text NOT NULL
);
CREATE TABLE ledger.run_moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id uuid NOT NULL, was text, now text NOT NULL,
    kept boolean NOT NULL, at timestamptz NOT NULL, tx bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint
);
CREATE TABLE ledger.schedule_moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, workflow text NOT NULL, trigger text NOT NULL,
    cron json NOT NULL, was timestamptz, fired timestamptz, paused boolean NOT NULL, at timestamptz NOT NULL,
    tx bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint
)
"""
_TRIGGER = """
CREATE FUNCTION ledger.{name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    {insert};
    RETURN NULL;
END $body$;
CREATE TRIGGER ledger AFTER INSERT OR UPDATE ON squidmesh.{name} FOR EACH ROW EXECUTE FUNCTION ledger.{name}()
"""


def _kept(columns: tuple[str, ...]) -> str:
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"NOT (OLD.finished_at IS NOT NULL AND ({old}) IS DISTINCT FROM ({new}))"


_NOTED = {
    "step_runs": f"""
    INSERT INTO ledger.step_moves (step_run_id, was, now, was_token, token, was_lease, lease, was_attempt, attempt,
        was_due, due, was_deadline, kept, at, session)
    VALUES (NEW.id, OLD.status, NEW.status, OLD.claim_token, NEW.claim_token, OLD.lease_until, NEW.lease_until,
        OLD.attempt, NEW.attempt, OLD.run_at, NEW.run_at, OLD.deadline_at,
        {_kept(_KEPT_STEP)},
        squidmesh.now(), current_setting('application_name'))""",
    "runs": f"""
    INSERT INTO ledger.run_moves (run_id, was, now, kept, at)
    VALUES (NEW.id, OLD.status, NEW.status,
        {_kept(_KEPT_RUN)},
        squidmesh.now())""",
    "schedules": """
    INSERT INTO ledger.schedule_moves (workflow, trigger, cron, was, fired, paused, at)
    VALUES (NEW.workflow, NEW.trigger, NEW.cron, OLD.last_fired_at, NEW.last_fired_at,
        NEW.paused_at IS NOT NULL OR OLD.paused_at IS NOT NULL, squidmesh.now())""",
}
_BEGIN = """
INSERT INTO ledger.executions (id, run_id, step, kind, attempt, pid, token, seen, began_at)
SELECT %(id)s, %(run)s, %(step)s, %(kind)s, %(attempt)s, %(pid)s,
    (SELECT claim_token FROM squidmesh.step_runs
     WHERE run_id = %(run)s AND step = %(step)s AND kind = %(kind)s AND worker LIKE %(worker)s LIMIT 1),
    ARRAY(SELECT kind || ' ' || step FROM squidmesh.step_runs WHERE run_id = %(run)s AND finished_at IS NOT NULL),
    squidmesh.now()
ON CONFLICT DO NOTHING
"""
_END = "UPDATE ledger.executions SET ended_at = squidmesh.now() WHERE id = %(id)s"
_PATIENCE = 60.0


def libpq(url: str) -> str:
    """Return a URL as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def in_schema(statement: str, schema: str) -> str:
    """Return a statement on the engine's tables for the schema that they are in."""
    return statement.replace("squidmesh.", f'"{schema}".').replace("'squidmesh'", f"'{schema}'")


def install(url: str, *, schema: str = "squidmesh") -> None:
    """Make the ledger beside the engine's tables in ``schema``, and have every move of theirs noted from now on."""
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute(_TABLES)
        for name, insert in _NOTED.items():
            connection.execute(in_schema(_TRIGGER.format(name=name, insert=insert), schema))


def emptied(connection: psycopg.Connection[Any]) -> None:
    """Take everything out of the ledger."""
    tables = ("acknowledged", "executions", "bookings", "step_moves", "run_moves", "schedule_moves")
    connection.execute("TRUNCATE " + ", ".join(f"{SCHEMA}.{table}" for table in tables))


def this_process() -> str:
    """Return the pattern of the names that workers of this process bear."""
    return f"{socket.gethostname()}-{os.getpid()}-%"


class Ledger:
    """Writes what one process does, on a connection of its own for each thread; a broken one is made again.

    ``worker`` is a pattern of the names of this process's workers: an execution notes the claim's token only if one
    of them holds it, so that what began after its claim was lost has none.
    """

    def __init__(self, url: str, *, schema: str = "squidmesh", worker: str | None = None) -> None:
        self.url = libpq(url)
        self.schema = schema
        self.worker = worker or this_process()
        self._local = threading.local()
        self._open: list[psycopg.Connection[Any]] = []

    def acknowledge(self, run_ids: Iterable[UUID]) -> None:
        """Note runs whose start has returned: from now on they must not be lost."""
        statement = (
            "INSERT INTO ledger.acknowledged SELECT unnest(%(ids)s::uuid[]), squidmesh.now() ON CONFLICT DO NOTHING"
        )
        self._write(statement, {"ids": list(run_ids)})

    def begin(self, ctx: StepContext) -> str:
        """Note that a step's callable was called; return the name of this execution, to sign its result with."""
        id_ = uuid4()
        values = {"id": id_, "run": UUID(ctx.run_id), "step": ctx.step, "kind": int(ctx._kind)}
        self._write(_BEGIN, values | {"attempt": ctx.attempt, "pid": os.getpid(), "worker": self.worker})
        return str(id_)

    def end(self, execution: str) -> None:
        """Note that the callable is about to return or to raise."""
        self._write(_END, {"id": execution})

    def close(self) -> None:
        """Close every connection."""
        while self._open:
            self._open.pop().close()

    def _write(self, statement: str, values: dict[str, Any]) -> None:
        """Write until the database has answered; every statement may be repeated."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._connection().execute(in_schema(statement, self.schema), values)
            except psycopg.OperationalError:
                self._local.connection = None
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return

    def _connection(self) -> psycopg.Connection[Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = psycopg.connect(self.url, autocommit=True, application_name="ledger")
            self._local.connection = connection
            self._open.append(connection)
        return connection
