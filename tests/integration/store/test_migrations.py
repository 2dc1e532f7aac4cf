"""Migrations: up, down and up again, in any schema, at once, as SQL; and the tables they make."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text

from squidmesh import SquidMesh
from squidmesh.errors import ConfigurationError, SchemaOutdated
from squidmesh.store import migrations
from squidmesh.store.engine import Database
from squidmesh.store.schema_version import HEAD, VERSION_TABLE
from squidmesh.store.tables import metadata
from tests.integration.bench import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLES = {"definitions", "lanes", "runs", "step_runs", "attempts", "attempt_spans", "audit_events"}
TABLES |= {"schedules", "queues", "workers"}
TABLES |= {"huey_task", "huey_schedule", "huey_kv", "huey_counter"}


def tables(database: Database) -> set[str]:
    """Return the tables of the schema, the version table aside."""
    with database.transaction() as connection:
        return set(inspect(connection).get_table_names(database.schema)) - {VERSION_TABLE}


def catalogue(database: Database) -> list[tuple]:
    """Return columns, constraints and indexes as Postgres describes them, without the schema's name."""
    with database.transaction() as connection:
        rows = connection.execute(
            text(
                """
                SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                    WHERE table_schema = :schema AND table_name <> 'alembic_version'
                UNION ALL SELECT c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid), ''
                    FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = :schema
                UNION ALL SELECT tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = :schema
                ORDER BY 1, 2, 3
                """
            ),
            {"schema": database.schema},
        ).all()
    return [tuple(str(part).replace(f'"{database.schema}"', "S").replace(database.schema, "S") for part in row)
            for row in rows if "alembic_version" not in str(row)]  # fmt: skip


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    """A database without our tables."""
    database = Database(empty_database_url)
    yield database
    database.close()


def test_up_down_up(database: Database):
    """Upgrading makes the tables, twice changes nothing, downgrading drops them, and all begins again."""
    assert database.migrate() == (None, HEAD)
    assert tables(database) == TABLES
    first = catalogue(database)
    assert database.migrate() == (HEAD, HEAD)
    assert catalogue(database) == first
    with database.transaction() as connection:
        migrations.downgrade(connection)
    assert tables(database) == set()
    with pytest.raises(SchemaOutdated):
        database.check_schema()
    assert database.migrate() == (None, HEAD)
    assert catalogue(database) == first
    database.check_schema()


def test_processes_that_upgrade_at_once_take_turns(empty_database_url: str):
    """Six at once: all succeed, and the tables are made once."""

    def migrate(_: int) -> tuple[str | None, str]:
        database = Database(empty_database_url)
        try:
            return database.migrate()
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        assert {after for _, after in pool.map(migrate, range(6))} == {HEAD}


def test_the_tables_that_sqlalchemy_sees_are_those_that_migrations_make(database: Database):
    """No column, type or key differs; indexes and CHECKs are the migrations' alone."""
    database.migrate()
    with database.transaction() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, parents: kind != "schema" or name == "squidmesh",
                "include_object": lambda thing, name, kind, reflected, other: (
                    kind in {"table", "column"} and name != VERSION_TABLE
                ),
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []
        for table in metadata.sorted_tables:
            found = inspect(connection).get_pk_constraint(table.name, "squidmesh")["constrained_columns"]
            assert found == [column.name for column in table.primary_key]


def test_the_sql_for_a_person_makes_the_same_tables(database: Database):
    """``upgrade_sql`` run by hand gives what ``migrate`` gives, its version included."""
    with database.transaction() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
    with connect(str(database._target)) as by_hand:
        by_hand.execute(migrations.upgrade_sql())
    made = catalogue(database)
    database.check_schema()
    with database.transaction() as connection:
        connection.execute(text("DROP SCHEMA squidmesh CASCADE"))
    database.migrate()
    assert catalogue(database) == made


@pytest.mark.parametrize("schema", ["user", "squidmesh_"])
def test_everything_works_in_a_schema_of_another_name(empty_database_url: str, tmp_path: Path, schema: str):
    """Reserved words and odd names too: tables, a whole run, inspection and explanation, and nothing elsewhere."""
    (tmp_path / "w.yaml").write_text(
        "workflow: a.b\ntriggers: {t: {manual: {}}}\n"
        "steps:\n  one: {log: {message: hi}, next: two}\n  two: {wait: 1h, next: complete}\n"
    )
    with SquidMesh(empty_database_url, tmp_path, folder=tmp_path, schema=schema) as mesh:
        mesh.migrate()
        run = mesh.start_run("a.b")
        with mesh.worker() as worker:
            assert worker.wait_until_nothing_due(20)
        assert mesh.explain_run(run.id).reason == "waiting_for_timer"
        mesh.wake_run(run.id)
        with mesh.worker() as worker:
            assert worker.wait_until_nothing_due(20)
        assert mesh.inspect_run(run.id, include_history=True).status == "completed"
        assert tables(mesh.database) == TABLES
        with connect(empty_database_url) as connection:
            assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'squidmesh'").fetchall() == []
        with mesh.database.transaction() as connection:
            migrations.downgrade(connection, schema=schema)


def test_a_hosts_engine_is_used_with_our_schema_and_isolation(empty_database_url: str, tmp_path: Path):
    """The host's own settings (autocommit, another schema map) are neither used nor changed, its pool never closed."""
    (tmp_path / "w.yaml").write_text(
        "workflow: a.b\ntriggers: {t: {manual: {}}}\nsteps: {one: {log: {message: hi}, next: complete}}\n"
    )
    url = make_url(empty_database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with SquidMesh(engine, tmp_path, folder=tmp_path, schema="flows") as mesh:
        mesh.migrate()
        with mesh.database.transaction() as connection:
            assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
            connection.execute(text("CREATE TABLE gone (id int)"))
            connection.rollback()
        run = mesh.start_run("a.b")
        assert mesh.inspect_run(run.id).status == "pending"
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE kept (id int)"))
        connection.rollback()
        assert connection.execute(text("SELECT to_regclass('kept')")).scalar_one() == "kept"
        assert connection.execute(text("SELECT to_regclass('gone')")).scalar_one() is None
        assert connection.execute(text("SELECT count(*) FROM flows.runs")).scalar_one() == 1
    engine.dispose()


def test_an_engine_of_another_driver_is_refused_by_name():
    """Said when the mesh is built, not by the first statement that fails."""
    with pytest.raises(ConfigurationError, match=r"must use psycopg 3.*found sqlite\+pysqlite"):
        Database(create_engine("sqlite://"))


ILLEGAL_RUNS = {
    "status": "status = 'odd'",
    "phase": "phase = 'odd'",
    "a goal going forward": "goal = 'failed'",
    "cancelling to fail": "status = 'cancelling', phase = 'stopping', goal = 'failed'",
    "completed with open steps": "status = 'completed', finished_at = now()",
    "completed without its time": "status = 'completed', active = 0",
    "open without open steps": "active = 0",
    "failed without the goal": "status = 'failed', active = 0, finished_at = now()",
    "cancelling going forward": "status = 'cancelling'",
    "negative counter": "active = 2, retrying = -1",
}
ILLEGAL_STEPS = {
    "status": "status = 'odd'",
    "kind": "kind = 9",
    "running without a claim": "status = 'running', worker = 'w', started_at = now()",
    "a claim without running": "claim_token = gen_random_uuid(), lease_until = now()",
    "running without a worker": "status = 'running', claim_token = gen_random_uuid(), lease_until = now()",
    "waiting for nothing": "status = 'waiting'",
    "due never": "run_at = NULL",
    "completed without its time": "status = 'completed', completed_seq = 1",
    "completed without its number": "status = 'completed', finished_at = now()",
    "output of an open step": "output = '{}'",
    "less than no dependency": "open_deps = -1",
}


ILLEGAL = [("runs", name, change) for name, change in ILLEGAL_RUNS.items()]
ILLEGAL += [("step_runs", name, change) for name, change in ILLEGAL_STEPS.items()]
_RUN = "workflow, trigger, definition_hash, status, phase, active, retrying, paused, seq, payload, created_at"
_STEP = "run_id, step, kind, status, lane, run_at, attempt, losses, open_deps, live_deps, created_at"
COPIES = {
    "step of a run": ("step_runs", _STEP),
    "idempotency key": ("runs", f"{_RUN}, idempotency_key"),
    "tick": ("runs", f"{_RUN}, scheduled_for"),
}


@pytest.mark.parametrize(("table", "name", "change"), ILLEGAL, ids=[f"{table}: {name}" for table, name, _ in ILLEGAL])
def test_the_database_refuses_an_illegal_row(legal: psycopg.Connection, table: str, name: str, change: str):
    """Whatever writes it, a row that the engine would not understand cannot be stored."""
    with pytest.raises(psycopg.errors.CheckViolation):
        legal.execute(f"UPDATE squidmesh.{table} SET {change}")


@pytest.mark.parametrize("name", COPIES)
def test_the_database_refuses_a_second(legal: psycopg.Connection, name: str):
    """One row for one (run, step, kind), one run for one key, one run for one tick."""
    table, columns = COPIES[name]
    with pytest.raises(psycopg.errors.UniqueViolation):
        legal.execute(
            f"INSERT INTO squidmesh.{table} (id, {columns}) SELECT gen_random_uuid(), {columns} FROM squidmesh.{table}"
        )


@pytest.fixture
def legal(bench_url: str) -> Iterator[psycopg.Connection]:
    """A connection in whose transaction, never committed, there is a run with one pending step."""
    with connect(bench_url) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            f"INSERT INTO squidmesh.runs (id, {_RUN}, idempotency_key, scheduled_for) VALUES "
            "(gen_random_uuid(), 'w', 't', 'h', 'pending', 'forward', 1, 0, 0, 0, '{}', now(), 'key', now())"
        )
        connection.execute(
            f"INSERT INTO squidmesh.step_runs (id, {_STEP}) "
            "SELECT gen_random_uuid(), id, 's', 0, 'pending', 1, now(), 0, 0, 0, 0, now() FROM squidmesh.runs"
        )
        yield connection
