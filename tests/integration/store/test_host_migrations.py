"""Our tables in a host's own Alembic history: written into its folder, made by its ``alembic upgrade head``."""

from __future__ import annotations

import asyncio
import io
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from squidmesh import SquidMesh, migrations
from squidmesh.errors import ConfigurationError, SchemaOutdated
from squidmesh.store import migrations as versions
from squidmesh.store import schema_version
from squidmesh.store.engine import Database
from tests.integration.bench import connect

if TYPE_CHECKING:
    from collections.abc import Callable

_ENV = """
import sqlalchemy as sa
from alembic import context

metadata = sa.MetaData()
for name in context.config.attributes["tables"]:
    sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True))

def include_name(name, type_, parent_names):
    return not (type_ == "schema" and name == "squidmesh")

options = dict(target_metadata=metadata, include_schemas=True, include_name=include_name)
url = context.config.attributes["url"]
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
"""
_TABLE = """
from alembic import op
import sqlalchemy as sa

revision = "{revision}"
down_revision = {down}

def upgrade():
    op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))
    {also}

def downgrade():
    op.drop_table("{table}")
"""


class Host:
    """An application with an Alembic folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(_ENV)
        self.url = make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        self.tables: list[str] = []

    def config(self, output: io.StringIO | None = None) -> Config:
        """Return what the host's ``alembic.ini`` says."""
        config = Config(output_buffer=output, attributes={"url": self.url, "tables": self.tables})
        config.set_main_option("script_location", str(self.folder))
        config.set_main_option("path_separator", "os")
        return config

    def add(self, table: str, after: str | None, also: str = "") -> str:
        """Write a revision that makes a table, and does something also; return its id."""
        revision = f"{table}_1"
        text = _TABLE.format(revision=revision, table=table, down=repr(after), also=also)
        (self.folder / "versions" / f"{revision}.py").write_text(text)
        self.tables.append(table)
        return revision


@pytest.fixture
def host(tmp_path: Path, empty_database_url: str) -> Host:
    """A host with one table of its own, in an empty database."""
    host = Host(tmp_path / "alembic", empty_database_url)
    host.add("orders", None)
    return host


def revision_in(path: Path) -> str:
    """Return the id of a written revision."""
    return path.name.split("_")[0]


@pytest.fixture
def second_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Make the package look like a later one, whose tables have a version 0002."""

    def upgrade_package() -> None:
        folder = Path(shutil.copytree(Path(versions.__file__).parent, tmp_path / "package"))
        (folder / "versions" / "v0002_note.py").write_text(
            textwrap.dedent("""
                revision, down_revision = "0002", "0001"
                def upgrade(execute): execute("ALTER TABLE squidmesh.runs ADD note text")
                def downgrade(execute): execute("ALTER TABLE squidmesh.runs DROP note")
            """)
        )
        monkeypatch.setattr(versions, "_FOLDER", folder)
        for module in (versions, schema_version):
            monkeypatch.setattr(module, "HEAD", "0002")

    return upgrade_package


def test_the_hosts_upgrade_makes_our_tables_and_finds_nothing_to_do_after_it(host: Host, tmp_path: Path):
    """Its own revisions before and after ours run too; our status is content; ``alembic check`` finds no difference."""
    (written,) = migrations.install(host.folder)
    host.add("invoices", revision_in(written))
    command.upgrade(host.config(), "head")
    command.check(host.config())
    with SquidMesh(host.url, folder=tmp_path) as mesh:
        assert mesh.describe_tables().state == "up_to_date"
        assert mesh.migrate() == ("0001", "0001")
    with connect(host.url) as connection:
        rows = connection.execute("SELECT to_regclass('orders') AS o, to_regclass('invoices') AS i").fetchall()
        assert [tuple(row.values()) for row in rows] == [("orders", "invoices")]
    assert migrations.install(host.folder) == []
    command.downgrade(host.config(), "orders_1")
    with SquidMesh(host.url, folder=tmp_path) as mesh:
        assert mesh.describe_tables().state == "missing"


def test_a_hosts_later_revision_keeps_its_own_patience_for_locks(host: Host):
    """The time-out that ours set for themselves is not left to the host's statements in the same transaction."""
    (written,) = migrations.install(host.folder)
    ask = "assert op.get_bind().exec_driver_sql('SHOW lock_timeout').scalar_one() == '0'"
    host.add("invoices", revision_in(written), also=ask)
    command.upgrade(host.config(), "head")


def test_a_later_package_writes_the_next_step(host: Host, second_version: Callable[[], None], tmp_path: Path):
    """One revision more, after whatever the host added meanwhile; old steps change nothing where we are further."""
    (first,) = migrations.install(host.folder)
    invoices = host.add("invoices", revision_in(first))
    command.upgrade(host.config(), "head")
    second_version()
    with SquidMesh(host.url, folder=tmp_path) as mesh:
        assert mesh.describe_tables().state == "outdated"
    (second,) = migrations.install(host.folder)
    assert f'down_revision = "{invoices}"' in second.read_text()
    command.upgrade(host.config(), "head")
    with SquidMesh(host.url, folder=tmp_path) as mesh:
        assert mesh.describe_tables().current == "0002"
    command.downgrade(host.config(), "-1")
    with SquidMesh(host.url, folder=tmp_path) as mesh:
        assert mesh.describe_tables().current == "0001"
        mesh.migrate()
    command.upgrade(host.config(), "head")
    with connect(host.url) as connection:
        assert connection.execute("SELECT count(note) AS n FROM squidmesh.runs").fetchall() == [{"n": 0}]


def test_a_fresh_folder_gets_every_step(host: Host, second_version: Callable[[], None]):
    """A host that begins with a later package gets the versions as one revision each, in order."""
    second_version()
    first, second = migrations.install(host.folder)
    assert f'down_revision = "{revision_in(first)}"' in second.read_text()
    command.upgrade(host.config(), "head")
    command.check(host.config())


def test_tables_of_a_newer_package_are_left_alone(
    empty_database_url: str, second_version: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    """An old package neither upgrades nor uses them, and says which of the two is old."""
    folder, head = versions._FOLDER, versions.HEAD
    second_version()
    database = Database(empty_database_url)
    database.migrate()
    monkeypatch.setattr(versions, "_FOLDER", folder)
    for module in (versions, schema_version):
        monkeypatch.setattr(module, "HEAD", head)
    for call in (database.migrate, database.check_schema):
        with pytest.raises(SchemaOutdated, match=r"a newer squidmesh made; .* upgrade the package"):
            call()
    assert database.describe_tables().state == "newer"
    database.close()


def test_the_hosts_sql_mode_writes_what_makes_the_same_tables(host: Host, second_version: Callable[[], None]):
    """``alembic upgrade head --sql`` holds our steps, bookkeeping included, and a person may run it."""
    second_version()
    migrations.install(host.folder)
    output = io.StringIO()
    command.upgrade(host.config(output), "head", sql=True)
    with connect(host.url) as by_hand:
        by_hand.execute(output.getvalue())
    database = Database(host.url)
    assert database.describe_tables().state == "up_to_date"
    database.close()
    command.check(host.config())


def test_an_async_host_migrates_by_its_own_driver(empty_database_url: str):
    """An ``env.py`` that runs on asyncpg hands over its connection inside ``run_sync``."""

    async def migrate() -> str | None:
        engine = create_async_engine(make_url(empty_database_url).set(drivername="postgresql+asyncpg"))
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: migrations.upgrade(sync, to="head"))
        async with engine.connect() as connection:
            version = await connection.run_sync(migrations.current_version)
        await engine.dispose()
        return version

    assert asyncio.run(migrate()) == versions.HEAD


def test_an_ini_file_names_the_folder_as_well(host: Host, tmp_path: Path):
    """The directory that holds ``alembic.ini`` does for a name of the folder."""
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {host.folder}\npath_separator = os\n")
    (written,) = migrations.install(tmp_path)
    assert written.parent == host.folder / "versions"


def test_folders_that_cannot_take_a_revision_are_named(host: Host, tmp_path: Path):
    """No Alembic folder, and a history with two heads: what is wrong, and what to do; nothing is written."""
    with pytest.raises(ConfigurationError, match="is no Alembic folder"):
        migrations.install(tmp_path)
    host.add("invoices", None)
    with pytest.raises(ConfigurationError, match=r"2 heads \(invoices_1, orders_1\).*alembic merge heads"):
        migrations.install(host.folder)
    assert len(list((host.folder / "versions").glob("*.py"))) == 2


def test_a_version_that_the_package_lacks_is_named(empty_database_url: str):
    """A host whose revisions were written by a later package is told to upgrade the package."""
    database = Database(empty_database_url)
    with database.transaction() as connection, pytest.raises(ConfigurationError, match="no version '0009'"):
        migrations.upgrade(connection, to="0009")
    with pytest.raises(ConfigurationError, match="need a SQLAlchemy Connection"):
        migrations.upgrade(None, to="0001")
    database.close()


def test_another_schema_has_steps_of_its_own(host: Host, tmp_path: Path):
    """Two installations in one database, each in its schema, do not take the other's revisions for their own."""
    migrations.install(host.folder)
    (written,) = migrations.install(host.folder, schema="flows")
    assert 'squidmesh_schema = "flows"' in written.read_text()
    command.upgrade(host.config(), "head")
    with SquidMesh(host.url, folder=tmp_path, schema="flows") as mesh:
        assert mesh.describe_tables().state == "up_to_date"
    with psycopg.connect(host.url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM flows.runs").fetchall() == [(0,)]
