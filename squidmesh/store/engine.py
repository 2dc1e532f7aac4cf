"""Connections to Postgres: engines, transactions, and database errors turned into ours in one place.

Two kinds of connection leave this module. ``transaction()`` gives an ordinary SQLAlchemy connection
from the pool, for the façade's calls. ``dedicate()`` gives a psycopg connection that one loop of a worker
owns for its life, with the planner settings that the hot statements need (see ``HOT_SETTINGS``).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy
from psycopg.types.numeric import Int4Dumper
from sqlalchemy import DateTime, event, exc, literal_column, select, text

from squidmesh.errors import SchemaOutdated, SquidMeshError
from squidmesh.model.process_lock import ProcessLock
from squidmesh.model.upkeep import Tables, TablesState
from squidmesh.settings import EMBEDDED_SCHEME
from squidmesh.store import schema_version
from squidmesh.store.embedded import EmbeddedServer, Facts
from squidmesh.store.poolers import is_pooled
from squidmesh.store.refusals import redact, translate
from squidmesh.store.tables import SCHEMA
from squidmesh.store.targets import check_target, normalise_url
from squidmesh.store.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection, Engine

# A plan made while the tables were empty would scan them for ever after, so scans are priced out and the
# plan is made once: every hot statement is a look-up by index.
HOT_SETTINGS = """
SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
SET enable_mergejoin = off; SET enable_bitmapscan = off; SET jit = off;
SET default_transaction_isolation = 'read committed'
"""
_HAS_TRANSACTION_TIMEOUT = 170_000
_PROBES = 3
_CONNECT = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": _PROBES,
    "fallback_application_name": "squidmesh",
}


class Database:
    """One Postgres database with our tables in ``schema``; constructing it connects to nothing."""

    def __init__(
        self, target: str | sqlalchemy.URL | Engine, *, schema: str = SCHEMA, lease: timedelta | None = None
    ) -> None:
        if isinstance(target, sqlalchemy.URL):
            target = target.render_as_string(hide_password=False)
        check_target(target)
        self.schema = schema
        self.pooled = False
        self._target = target
        self._lease = lease
        # A silent connection must be given up before the leases of what it was recording pass.
        self._patience = lease.total_seconds() * 0.8 if lease is not None else None
        self._watches = Watches()
        self._engine: Engine | None = None
        self._step_engine: Engine | None = None
        self._server: EmbeddedServer | None = None
        self._may_make = False
        self._pid = os.getpid()
        self._lock = ProcessLock()

    @property
    def prepared(self) -> bool:
        """Whether hot statements are prepared: behind a pooler the next transaction may have another session."""
        return not self.pooled

    @property
    def engine(self) -> Engine:
        """The engine, made on first use in this process; an embedded server is started for it, but only if it is there.

        Its data are made by ``migrate`` alone: anybody else has mistaken the path, or would find no tables.
        """
        with self._lock:
            if self._engine is not None and self._pid != os.getpid():
                self._engine.dispose(close=False)  # the connections belong to the parent process
                self._step_engine = None
                self._watches = Watches()  # the parent's waits are its own
                self._pid = os.getpid()
            if self._engine is None:
                self._engine = self._make_engine()
                self._pid = os.getpid()
            return self._engine

    @property
    def step_engine(self) -> Engine:
        """The engine of steps with ``transaction: true``: the same database, a pool of its own."""
        engine = self.engine
        with self._lock:
            if self._step_engine is None:
                self._step_engine = sqlalchemy.Engine(engine.pool.recreate(), engine.dialect, engine.url)
            return self._step_engine

    @property
    def shown_url(self) -> str:
        """The address of the database, for people: without a password."""
        if isinstance(self._target, sqlalchemy.Engine):
            return self._target.url.render_as_string()
        return redact(self._target)

    @property
    def embedded(self) -> Facts | None:
        """What is known of the embedded server, None where the database is another."""
        return self._server.describe() if self._server is not None else None

    @property
    def translation(self) -> dict[str, Any]:
        """The execution options by which our tables are found in the schema in use."""
        return {"schema_translate_map": {SCHEMA: self.schema}}

    def _make_engine(self) -> Engine:
        if isinstance(self._target, sqlalchemy.Engine):
            # Shares the host's pool, but not its isolation level: the statements are written for this one.
            return self._target.execution_options(**self.translation, isolation_level="READ COMMITTED")
        engine = sqlalchemy.create_engine(
            normalise_url(self._resolve_target()),
            connect_args=self._connect_arguments(),
            pool_pre_ping=True,
            plugins=[],
            execution_options=self.translation,
        )
        event.listen(engine, "connect", self._greet)
        return engine

    def _greet(self, raw: Any, _: object = None) -> None:
        """Watch a new connection; behind a pooler nothing may be prepared on it."""
        self.watch(raw)
        self.pooled = is_pooled(raw)
        raw.rollback()
        if self.pooled:
            raw.prepare_threshold = None

    def watch(self, connection: psycopg.Connection[Any], *, patiently: bool = False) -> None:
        """Let ``end_silent`` end a connection on which the server is silent; ``patiently``: not for now."""
        self._watches.watch(connection, None if patiently else self._patience)

    def end_silent(self) -> int:
        """End the connections on which the server has been silent for most of a lease; return how many."""
        return self._watches.end_silent()

    def _resolve_target(self) -> str:
        target = self._target
        assert isinstance(target, str)
        if target.startswith(EMBEDDED_SCHEME):
            server = EmbeddedServer(Path(target.removeprefix(EMBEDDED_SCHEME)))
            target = server.start(make=self._may_make)
            self._server = server
        return target

    def _connect_arguments(self) -> dict[str, Any]:
        options: dict[str, Any] = dict(_CONNECT)
        if self._lease is not None:
            # A dead connection must be noticed before the leases of what it was recording pass.
            options["tcp_user_timeout"] = int(self._lease.total_seconds() * 800)
        return options

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection inside one transaction, committed at the end, rolled back on an error."""
        with self.errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that only reads, and whose statements all see the same moment."""
        with self.transaction() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield connection

    def dedicate(self) -> psycopg.Connection[Any]:
        """Return an autocommitting psycopg connection of the caller's own, set up for the hot statements."""
        with self.errors():
            proxy = self.engine.raw_connection()
            raw = proxy.driver_connection
            proxy.detach()
            assert isinstance(raw, psycopg.Connection)
            self._greet(raw)
            raw.autocommit = True
            raw.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # a host's engine may have set another
            # One prepared statement a query, whatever the size of the integers that it is given.
            raw.adapters.register_dumper(int, Int4Dumper)
            if not self.pooled:  # there a setting would stay with a session that others use next
                raw.execute(HOT_SETTINGS)
                self._bound_transactions(raw)
            return raw

    def _bound_transactions(self, raw: psycopg.Connection[Any]) -> None:
        """Let the server give up when ``end_silent`` does: else a session of which we hear nothing keeps its locks.

        Half of a statement can have arrived when the way to the server broke. Before version 17 only the connection's
        own death ends that session, so the server is asked to notice it as early as we would.
        """
        if self._patience is None:
            return
        limit = max(int(self._patience * 1000), 1)
        probe = max(int(self._patience / (_PROBES + 1)), 1)
        raw.execute(
            f"SET lock_timeout = {limit}; SET tcp_user_timeout = {limit}; SET tcp_keepalives_idle = {probe}; "
            f"SET tcp_keepalives_interval = {probe}; SET tcp_keepalives_count = {_PROBES}"
        )
        if raw.info.server_version >= _HAS_TRANSACTION_TIMEOUT:
            raw.execute(f"SET transaction_timeout = {limit}")

    def sql(self, statement: str) -> str:
        """Return a statement written for our default schema, for the schema in use."""
        return statement if self.schema == SCHEMA else statement.replace(f"{SCHEMA}.", f'"{self.schema}".')

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what SQLAlchemy and psycopg raise into our errors, the cause chained."""
        try:
            yield
        except SquidMeshError:
            raise
        except (exc.SQLAlchemyError, psycopg.Error) as error:
            raise translate(error, lambda: schema_version.version_if_known(self.engine, schema=self.schema)) from error

    def check_schema(self) -> None:
        """Raise ``SchemaOutdated`` unless the tables have the version that this package needs."""
        with self.transaction() as connection:
            current = schema_version.current_version(connection, schema=self.schema)
        if current != schema_version.HEAD:
            raise SchemaOutdated(current, schema_version.HEAD)

    def describe_tables(self) -> Tables:
        """Return how the tables stand to this package."""
        with self.transaction() as connection:
            current = schema_version.current_version(connection, schema=self.schema)
            server = connection.execute(text("SHOW server_version")).scalar_one()
        return Tables(
            state=TablesState.of(current, schema_version.HEAD),
            current=current,
            expected=schema_version.HEAD,
            schema=self.schema,
            database=self.shown_url,
            server=server.split()[0],
        )

    def migrate(self) -> tuple[str | None, str]:
        """Create or upgrade the tables, and an embedded server's data; return the versions before and after."""
        from squidmesh.store.migrations import take_turn, upgrade  # noqa: PLC0415 - Alembic loads only to migrate

        self._may_make = True
        with self.transaction() as connection:
            raw = driver_connection(connection)
            self.watch(raw, patiently=True)  # changing a large table takes what it takes
            take_turn(connection)
            before = schema_version.current_version(connection, schema=self.schema)
            upgrade(connection, schema=self.schema)
            after = schema_version.current_version(connection, schema=self.schema)
            self.watch(raw)
        assert after is not None, "an upgrade leaves a version"
        return before, after

    def close(self) -> None:
        """Close the pool (never that of an engine which the host made) and release an embedded server."""
        with self._lock:
            if self._step_engine is not None:
                self._step_engine.dispose(close=self._pid == os.getpid())
                self._step_engine = None
            if self._engine is not None and not isinstance(self._target, sqlalchemy.Engine):
                self._engine.dispose(close=self._pid == os.getpid())
            self._engine = None
            if self._server is not None:
                self._server.stop()
                self._server = None

    def clock(self) -> ColumnElement[datetime]:
        """Return the SQL expression of the time now; every time that is stored comes from it."""
        clock: ColumnElement[datetime] = literal_column(f'"{self.schema}".now()', DateTime(timezone=True))
        return clock

    def read_clock(self, connection: Connection) -> datetime:
        """Return the time now by the database's clock."""
        return connection.execute(select(self.clock())).scalar_one()


def driver_connection(connection: Connection) -> psycopg.Connection[Any]:
    """Return the psycopg connection under a SQLAlchemy one: what it executes is part of the same transaction."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw
