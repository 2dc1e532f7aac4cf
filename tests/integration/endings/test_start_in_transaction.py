"""Starting runs inside a transaction of the host's own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy
from psycopg.rows import dict_row
from sqlalchemy import exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from squidmesh.errors import IdempotencyConflict, RunNotFound
from tests.integration.endings.conftest import wait_for_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from squidmesh import SquidMesh
    from squidmesh.model.run import Run

SIMPLE = """
    workflow: t.simple
    triggers:
      go:
        manual: {}
        payload:
          order: {type: integer, default: 1}
          card: {type: string, default: "1", sensitive: true}
    steps:
      only: {uses: t.ok, next: last}
      last: {uses: t.ok, next: complete}
"""
LATER = """
    workflow: t.later
    triggers: {go: {manual: {}}}
    steps:
      long: {wait: 1d, next: complete}
"""


@pytest.fixture
def mesh(make_mesh: Callable[..., SquidMesh]) -> SquidMesh:
    """A mesh whose workers find what is due by polling only every minute, so that a wake-up is seen to work."""
    return make_mesh(SIMPLE, LATER, poll_interval="60s")


@pytest.fixture
def engine(database_url: str) -> Iterator[sqlalchemy.Engine]:
    """The host's own engine, with a table of its business."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    made = sqlalchemy.create_engine(url)
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id integer PRIMARY KEY)"))
    yield made
    made.dispose()


def _libpq(database_url: str) -> str:
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def _count(sql: Callable[..., list[tuple[Any, ...]]], table: str) -> int:
    return int(sql(f"SELECT count(*) FROM squidmesh.{table}")[0][0])


def test_the_business_write_and_the_run_commit_together(mesh: SquidMesh, engine: sqlalchemy.Engine) -> None:
    """Inside the transaction nobody else sees the run; once it commits a worker is woken and runs it."""
    with mesh.worker():
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO orders VALUES (7)"))
            run = mesh.start_run("t.simple", {"order": 7}, connection=connection)
            with pytest.raises(RunNotFound):
                mesh.inspect_run(run.id)
        assert wait_for_status(mesh, run.id, "completed").payload["order"] == 7


def test_a_rollback_leaves_nothing(
    mesh: SquidMesh, engine: sqlalchemy.Engine, sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """Rolled back, there is no run, no step run and no business row; the definition may stay."""
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO orders VALUES (7)"))
        run = mesh.start_run("t.simple", connection=connection)
        mesh.start_runs("t.simple", [{}, {}], connection=connection)
        connection.rollback()
    assert [_count(sql, table) for table in ("runs", "step_runs", "audit_events")] == [0, 0, 0]
    assert sql("SELECT count(*) FROM orders") == [(0,)]
    with pytest.raises(RunNotFound):
        mesh.inspect_run(run.id)


def test_the_definition_is_written_outside(
    mesh: SquidMesh, engine: sqlalchemy.Engine, sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """The caller's transaction holds no lock on definitions or lanes, so two callers cannot wait for each other."""
    with engine.connect() as connection:
        mesh.start_run("t.simple", connection=connection)
        assert sql("SELECT count(*) FROM squidmesh.definitions") == [(1,)]
        held = connection.execute(
            text(
                "SELECT DISTINCT relation::regclass::text FROM pg_locks "
                "WHERE pid = pg_backend_pid() AND mode = 'RowExclusiveLock' AND relation IS NOT NULL"
            )
        ).scalars()
        assert not {name for name in held if "definitions" in name or "lanes" in name}
        connection.rollback()


def test_a_session_takes_runs(mesh: SquidMesh, engine: sqlalchemy.Engine) -> None:
    """An ORM session works like a connection, also a scoped one."""
    with mesh.worker():
        with Session(engine) as session, session.begin():
            first = mesh.start_run("t.simple", connection=session)
        scoped = scoped_session(sessionmaker(engine))
        second = mesh.start_run("t.simple", connection=scoped)  # type: ignore[arg-type]  # known by what it does
        scoped.commit()
        scoped.remove()
        for run in (first, second):
            wait_for_status(mesh, run.id, "completed")


@pytest.mark.parametrize("options", [{}, {"row_factory": dict_row}, {"cursor_factory": psycopg.ClientCursor}])
def test_a_psycopg_connection_takes_runs(mesh: SquidMesh, database_url: str, options: dict[str, Any]) -> None:
    """A plain psycopg connection works, whatever its rows and cursors are."""
    with mesh.worker():
        with psycopg.connect(_libpq(database_url), **options) as connection:
            run = mesh.start_run("t.simple", connection=connection)
            ids = mesh.start_runs("t.simple", [{}, {"order": 2}], connection=connection)
        for id_ in (run.id, *ids):
            wait_for_status(mesh, id_, "completed")
        with psycopg.connect(_libpq(database_url), **options) as connection:
            undone = mesh.start_run("t.simple", connection=connection)
            connection.rollback()
        with pytest.raises(RunNotFound):
            mesh.inspect_run(undone.id)


def test_what_start_returns_is_what_is_stored(mesh: SquidMesh, engine: sqlalchemy.Engine) -> None:
    """The run that is returned before the commit is the one that everybody reads after it, secrets masked."""
    with engine.begin() as connection:
        run = mesh.start_run("t.simple", {"order": 3, "card": "4711"}, idempotency_key="k", connection=connection)
    assert run == mesh.inspect_run(run.id)
    assert run.payload == {"order": 3, "card": "***"}


def test_an_idempotency_key_holds_inside_the_transaction(mesh: SquidMesh, engine: sqlalchemy.Engine) -> None:
    """The second start with a key returns the first run: started before, or in this very transaction."""
    before = mesh.start_run("t.simple", {"order": 1}, idempotency_key="before")
    with engine.begin() as connection:
        assert mesh.start_run("t.simple", {"order": 1}, idempotency_key="before", connection=connection).id == before.id
        first = mesh.start_run("t.simple", {"order": 2}, idempotency_key="here", connection=connection)
        again = mesh.start_run("t.simple", {"order": 2}, idempotency_key="here", connection=connection)
        assert again == first
        with pytest.raises(IdempotencyConflict):
            mesh.start_run("t.simple", {"order": 3}, idempotency_key="here", connection=connection)
    assert mesh.start_run("t.simple", {"order": 2}, idempotency_key="here").id == first.id


def test_a_key_of_a_transaction_under_way_makes_others_wait(mesh: SquidMesh, engine: sqlalchemy.Engine) -> None:
    """Whoever starts with the key of a run that is not committed waits for it: one run, or its own if that fails."""
    for commits in (True, False):
        found: list[Run] = []
        key = f"key {commits}"
        with engine.connect() as connection:
            run = mesh.start_run("t.simple", idempotency_key=key, connection=connection)
            other = threading.Thread(
                target=lambda key=key, found=found: found.append(mesh.start_run("t.simple", idempotency_key=key))
            )
            other.start()
            other.join(0.2)
            assert not found
            connection.commit() if commits else connection.rollback()
            other.join(10)
        assert (found[0].id == run.id) is commits


def test_a_broken_transaction_raises_its_own_error(
    mesh: SquidMesh, engine: sqlalchemy.Engine, database_url: str
) -> None:
    """What is wrong with the caller's transaction reaches the caller as the driver says it."""
    mesh.start_run("t.simple")
    with engine.connect() as connection:
        with pytest.raises(exc.ProgrammingError):
            connection.execute(text("SELECT nothing"))
        with pytest.raises(exc.InternalError, match="transaction is aborted"):
            mesh.start_run("t.simple", connection=connection)
    with psycopg.connect(_libpq(database_url)) as plain:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            plain.execute("SELECT nothing")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            mesh.start_run("t.simple", connection=plain)
        plain.rollback()


def test_workers_are_told_in_the_transaction_unless_unwanted(
    mesh: SquidMesh, engine: sqlalchemy.Engine, database_url: str
) -> None:
    """A wake-up leaves with the commit; not with ``notify=False``, nor for a run that is due much later."""
    with psycopg.connect(_libpq(database_url), autocommit=True) as listening:
        listening.execute("LISTEN squidmesh_due")
        with engine.begin() as connection:
            mesh.start_run("t.simple", connection=connection)
            mesh.start_runs("t.simple", [{}, {}], connection=connection)
            assert list(listening.notifies(timeout=0.1)) == []
        assert [note.payload for note in listening.notifies(timeout=1, stop_after=1)] == ["0.000"]
        with engine.begin() as connection:
            mesh.start_run("t.simple", connection=connection, notify=False)
            mesh.start_runs("t.simple", [{}], connection=connection, notify=False)
            mesh.start_run("t.later", connection=connection)
        assert list(listening.notifies(timeout=0.2)) == []
    with mesh.worker():
        assert mesh.start_run("t.simple", notify=False).status == "pending"


def test_another_schema_is_used_inside_the_transaction(
    make_mesh: Callable[..., SquidMesh], engine: sqlalchemy.Engine
) -> None:
    """The caller's connection knows nothing of our schema's name, and is not told."""
    mesh = make_mesh(SIMPLE, schema="elsewhere")
    mesh.migrate()
    with mesh.worker():
        with engine.begin() as connection:
            run = mesh.start_run("t.simple", idempotency_key="k", connection=connection)
            assert mesh.start_run("t.simple", idempotency_key="k", connection=connection).id == run.id
            assert "schema_translate_map" not in connection.get_execution_options()
        wait_for_status(mesh, run.id, "completed")


def test_anything_else_is_refused_before_anything_is_written(
    mesh: SquidMesh, sql: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """A value that is no connection is named, and an async session told how to call."""

    class SomeAsyncSession:
        async def connection(self) -> None: ...

        async def run_sync(self, call: object) -> None: ...

    for wrong, said in ((object(), "found builtins.object"), (SomeAsyncSession(), "run_sync")):
        with pytest.raises(ValueError, match=said):
            mesh.start_run("t.simple", connection=wrong)  # type: ignore[arg-type]  # that is the test
    assert _count(sql, "definitions") == 0


def test_an_async_session_on_asyncpg_takes_runs(mesh: SquidMesh, database_url: str) -> None:
    """Through ``run_sync`` an async session starts runs, also on a driver with another style of parameters."""

    async def host() -> tuple[Run, Run, list[UUID]]:
        engine = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg"))
        async with AsyncSession(engine) as session, session.begin():
            kept = await session.run_sync(
                lambda s: mesh.start_run("t.simple", {"order": 5}, idempotency_key="k", connection=s)
            )
            again = await session.run_sync(
                lambda s: mesh.start_run("t.simple", {"order": 5}, idempotency_key="k", connection=s)
            )
            assert again == kept
            ids = await session.run_sync(lambda s: mesh.start_runs("t.simple", [{}, {}], connection=s))
        async with AsyncSession(engine) as session:
            lost = await session.run_sync(lambda s: mesh.start_run("t.simple", connection=s))
            await session.rollback()
        await engine.dispose()
        return kept, lost, ids

    with mesh.worker():
        kept, lost, ids = asyncio.run(host())
        for id_ in (kept.id, *ids):
            wait_for_status(mesh, id_, "completed")
    assert kept.status == "pending"
    with pytest.raises(RunNotFound):
        mesh.inspect_run(lost.id)
