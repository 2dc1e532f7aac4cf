"""A mesh on the engine that a host has already: its pool and its ways of connecting, whatever its settings are."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import NullPool, StaticPool, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from squidmesh import SquidMesh, StepContext
from squidmesh.errors import ConfigurationError
from tests.integration.bench import connect

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL, Engine

FLOW = """
workflow: a.b
triggers: {t: {manual: {}}}
steps:
  one:
    {uses: t.write, transaction: true, timeout: 10s, retry: {max_attempts: 2, backoff: {type: constant, min: 1ms}},
     next: two}
  two: {wait: 1ms, next: three}
  three: {uses: t.plain, next: complete}
"""


def write(ctx: StepContext) -> dict[str, str]:
    """Write into a table of the host, in the transaction that records the step."""
    assert ctx.connection is not None
    ctx.connection.execute(text("INSERT INTO public.host_rows DEFAULT VALUES"))
    if ctx.attempt == 1:
        raise RuntimeError("roll it back")
    return {"isolation": ctx.connection.execute(text("SHOW transaction_isolation")).scalar_one()}


def plain() -> None:
    """Do nothing."""


@pytest.fixture
def url(database_url: str) -> URL:
    """The database's URL as a host would write it, with a table of the host."""
    with connect(database_url) as connection:
        connection.execute("CREATE TABLE public.host_rows (id int GENERATED ALWAYS AS IDENTITY)")
    return make_url(database_url).set(drivername="postgresql+psycopg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a workflow."""
    (tmp_path / "w.yaml").write_text(FLOW)
    return tmp_path


def mesh_on(database: Any, folder: Path) -> SquidMesh:
    """Return a mesh."""
    return SquidMesh(database, folder, {"t.write": write, "t.plain": plain}, folder=folder)


def work(mesh: SquidMesh) -> None:
    """Run one run to its end and see that its transaction took effect once."""
    run = mesh.start_run("a.b")
    with mesh.worker() as worker:
        for _ in range(20):
            assert worker.wait_until_nothing_due(20)
            if mesh.inspect_run(run.id).status.terminal:
                break
    ended = mesh.inspect_run(run.id, include_history=True)
    assert (ended.status, ended.last_error) == ("completed", None)
    with mesh.database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM public.host_rows")).scalar_one() == 1


def manners(engine: Engine) -> tuple[Any, ...]:
    """Return how the host's connections treat transactions, and whom they wait for."""
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        rest = [connection.execute(text(f"SHOW {name}")).scalar_one() for name in ("TimeZone", "statement_timeout")]
        return raw.autocommit, raw.prepare_threshold, connection.get_isolation_level(), *rest


def set_path(connection: Any, _: Any) -> None:
    """Look for tables elsewhere."""
    connection.execute("SET search_path = pg_catalog")
    connection.commit()


def set_reading(connection: Any, _: Any) -> None:
    """Begin every transaction as one that is serialisable, by the session's default."""
    connection.execute("SET default_transaction_isolation = 'serializable'")
    connection.commit()


ENGINES: dict[str, dict[str, Any]] = {
    "plain": {},
    "autocommit": {"isolation_level": "AUTOCOMMIT"},
    "serializable": {"isolation_level": "SERIALIZABLE"},
    "no pool": {"poolclass": NullPool},
    "a small pool": {"pool_size": 1, "max_overflow": 3, "pool_timeout": 10},
    "last in, first out": {"pool_use_lifo": True, "pool_reset_on_return": "commit"},
    "session settings": {"connect_args": {"options": "-c timezone=Asia/Tokyo -c jit=off"}},
    "never prepared": {"connect_args": {"prepare_threshold": None}},
}


@pytest.mark.parametrize("name", ENGINES)
def test_a_host_engine_works_whatever_its_settings(url: URL, folder: Path, name: str):
    """A run with a transactional step, a retry and a wait ends as it should; the host's pool is left usable."""
    engine = create_engine(url, **ENGINES[name])
    before = manners(engine)
    with mesh_on(engine, folder) as mesh:
        work(mesh)
    assert manners(engine) == before
    engine.dispose()


@pytest.mark.parametrize("setting", [set_path, set_reading], ids=["search_path", "default isolation"])
def test_what_a_host_sets_on_each_connection_does_no_harm(url: URL, folder: Path, setting: Any):
    """Our tables are found by their schema's name, and our statements run as they were written for."""
    engine = create_engine(url)
    event.listen(engine, "connect", setting)
    with mesh_on(engine, folder) as mesh:
        work(mesh)
    engine.dispose()


def test_a_workers_own_connections_read_what_is_committed(url: URL, folder: Path):
    """In a transaction and outside of one, whatever the host's engine and its sessions begin with."""
    engine = create_engine(url, isolation_level="SERIALIZABLE")
    event.listen(engine, "connect", set_reading)
    with mesh_on(engine, folder) as mesh, mesh.database.dedicate() as connection:
        asked = "SELECT current_setting('transaction_isolation')"
        assert connection.execute(asked).fetchone() == ("read committed",)
        with connection.transaction():
            assert connection.execute(asked).fetchone() == ("read committed",)
    engine.dispose()


def test_a_role_that_the_host_takes_on_is_kept(url: URL, folder: Path):
    """A host that logs in as one and acts as another acts so in our statements, and in its steps."""
    role = f"squidmesh_test_{os.urandom(4).hex()}"
    seen: list[str] = []

    def take_role(connection: Any, _: Any) -> None:
        connection.execute(f"SET ROLE {role}")
        connection.commit()

    def who(ctx: StepContext) -> None:
        assert ctx.connection is not None
        seen.append(ctx.connection.execute(text("SELECT current_user")).scalar_one())

    with connect(url.render_as_string(hide_password=False)) as admin:
        admin.execute(f"CREATE ROLE {role}")
        admin.execute(f"GRANT ALL ON SCHEMA squidmesh TO {role}")
        admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA squidmesh TO {role}")
        engine = create_engine(url)
        event.listen(engine, "connect", take_role)
        with SquidMesh(engine, folder, {"t.write": who, "t.plain": plain}, folder=folder) as mesh:
            run = mesh.start_run("a.b")
            with mesh.worker() as worker:
                assert worker.wait_until_nothing_due(20)
            assert mesh.inspect_run(run.id).current_step != "one"
            with mesh.database.transaction() as connection:
                seen.append(connection.execute(text("SELECT current_user")).scalar_one())
        engine.dispose()
        assert seen == [role, role]
        admin.execute(f"DROP OWNED BY {role}")
        admin.execute(f"DROP ROLE {role}")


def test_a_url_object_keeps_its_password(url: URL, folder: Path):
    """SQLAlchemy masks the password of a URL that is turned into text; ours must not log in with the mask."""
    with mesh_on(url.set(password="a:b@c%"), folder) as mesh:
        assert mesh.database.engine.url.password == "a:b@c%"
        assert "a:b" not in mesh.describe_tables().database


def test_what_is_no_engine_for_us_is_refused_when_the_mesh_first_needs_it(url: URL, folder: Path):
    """Another driver, an async engine, a connection: named, with what to give instead."""
    asynchronous = create_async_engine(url.set(drivername="postgresql+asyncpg"))
    others = {
        "found sqlite": create_engine("sqlite://"),
        "found postgresql": asynchronous.sync_engine,
        "of an async engine give the URL": asynchronous,
        "must be a URL or a SQLAlchemy Engine, found builtins.dict": {"host": "localhost"},
    }
    for message, database in others.items():
        with mesh_on(database, folder) as mesh, pytest.raises(ConfigurationError, match=message):
            mesh.list_runs()


@pytest.mark.parametrize("own", [True, False], ids=["by engine", "by URL"])
def test_a_child_process_gets_connections_of_its_own(url: URL, folder: Path, own: bool):
    """After a fork parent and child go on with sessions of their own, on whatever the mesh was built over."""
    engine: Engine | None = create_engine(url) if own else None
    with mesh_on(engine if engine is not None else url, folder) as mesh:
        before = _session(mesh)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # nothing of pytest's may run here
            try:
                run = mesh.start_run("a.b")
                os.write(writer, pickle.dumps((_session(mesh), run.id)))
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with os.fdopen(reader, "rb") as answer:
            session, run_id = pickle.loads(answer.read())
        assert session != before
        assert _session(mesh) == before
        assert mesh.inspect_run(run_id).status == "pending"
    if engine is not None:
        engine.dispose()


def _session(mesh: SquidMesh) -> int:
    with mesh.database.transaction() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_a_pool_of_one_connection_for_all_threads_is_refused(url: URL, folder: Path):
    """It could not serve the threads of a mesh, and would fail in the middle of something."""
    engine = create_engine(url, poolclass=StaticPool)
    with mesh_on(engine, folder) as mesh, pytest.raises(ConfigurationError, match="StaticPool gives all threads one"):
        mesh.list_runs()
    engine.dispose()
