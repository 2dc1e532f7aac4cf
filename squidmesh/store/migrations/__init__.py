"""Alembic migrations of our tables, run without an ``alembic.ini``.

The version is kept in the table ``alembic_version`` of our own schema, so that a host's own Alembic
history is not touched.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from squidmesh.store.tables import SCHEMA

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0001"
VERSION_TABLE = "alembic_version"
# Any number nobody else locks: two processes that upgrade at once take turns.
_LOCK = 7_346_218_905
# Whoever waits for a table's lock holds up all who come after: under live workers rather give up.
_PATIENCE = "SET LOCAL lock_timeout = '5s'"


def take_turn(connection: Connection) -> None:
    """Wait until nobody else migrates; from then on wait no longer than a few seconds for any lock."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text(_PATIENCE))


def upgrade(connection: Connection, to: str = "head", *, schema: str = SCHEMA) -> None:
    """Bring the tables to version ``to`` inside the caller's transaction; doing it again changes nothing."""
    take_turn(connection)
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    command.upgrade(_config(connection, schema), to)


def downgrade(connection: Connection, to: str = "base", *, schema: str = SCHEMA) -> None:
    """Take the tables back to version ``to`` inside the caller's transaction; data of dropped tables is lost."""
    take_turn(connection)
    command.downgrade(_config(connection, schema), to)


def upgrade_sql(*, schema: str = SCHEMA) -> str:
    """Return the statements that make the tables in an empty database, for a person to run."""
    output = io.StringIO()
    config = _config(None, schema)
    config.output_buffer = output
    command.upgrade(config, "head", sql=True)
    return f'CREATE SCHEMA IF NOT EXISTS "{schema}";\n\n{output.getvalue()}'


def current_version(connection: Connection, *, schema: str = SCHEMA) -> str | None:
    """Return the version that the tables have, None where there are none."""
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "version_table_schema": schema}
    )
    return context.get_current_revision()


def in_schema(sql: str) -> str:
    """Return a migration's statement with our default schema replaced by the one being migrated."""
    schema = op.get_context().opts["squidmesh_schema"]
    return sql.replace(f"{SCHEMA}.", f'"{schema}".')


def _config(connection: Connection | None, schema: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    return config
