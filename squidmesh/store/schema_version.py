"""Which version the tables have, and the clock that stands beside them: all that is asked without migrating.

Alembic, which makes the tables, is not loaded for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from squidmesh.store.tables import SCHEMA

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

HEAD = "0001"
VERSION_TABLE = "alembic_version"
REAL_CLOCK = "statement_timestamp()"


def current_version(connection: Connection, *, schema: str = SCHEMA) -> str | None:
    """Return the version that the tables have, None where there are none."""
    table = f'"{schema}"."{VERSION_TABLE}"'
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": table}).scalar_one() is None:
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {table}")).scalar_one_or_none()  # noqa: S608 - a checked name
    return found


def version_if_known(engine: Engine, *, schema: str) -> str | None:
    """Return the version of the tables, asked on a connection of its own; None if the database does not say it."""
    try:
        with engine.connect() as connection:
            return current_version(connection, schema=schema)
    except SQLAlchemyError:
        return None


def define_clock(connection: Connection, expression: str, *, schema: str = SCHEMA) -> None:
    """Let the clock that every time comes from return an SQL expression, in the caller's transaction."""
    connection.execute(
        text(
            f'CREATE OR REPLACE FUNCTION "{schema}".now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE '
            f"AS $$SELECT {expression}$$"
        )
    )
