"""Statements on a connection that belongs to somebody else: the transaction in which a host starts a run.

Such a statement is written in our named style with explicit casts, so that it depends neither on a driver's
parameter style nor on how it sends types; a SQLAlchemy connection may be that of any PostgreSQL driver.
Nothing is committed, rolled back or set on the connection, and what it raises reaches the caller unchanged:
it is the caller's transaction that has failed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _Session(Protocol):
    """A SQLAlchemy ``Session`` or ``scoped_session``, known by what it does: the ORM is not loaded for its sake."""

    def connection(self) -> Connection: ...


CallersConnection = Connection | _Session | psycopg.Connection[Any]
# As SQLAlchemy reads them: a colon and a name, but neither a cast nor an escape.
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")


def require_connection(connection: object) -> None:
    """Raise ``ValueError`` unless this is a connection that a run can be started in."""
    if isinstance(connection, (Connection, psycopg.Connection)) or _is_session(connection):
        return
    kind = type(connection)
    hint = ""
    if hasattr(connection, "run_sync"):
        hint = "; from an async session: await session.run_sync(lambda s: mesh.start_run(..., connection=s))"
    raise ValueError(
        f"connection= takes a SQLAlchemy Connection or Session or a psycopg Connection, "
        f"found {kind.__module__}.{kind.__qualname__}{hint}"
    )


def _is_session(connection: object) -> bool:
    return callable(getattr(connection, "connection", None)) and not hasattr(connection, "run_sync")


@lru_cache(maxsize=64)
def pyformat(statement: str) -> str:
    """Return a statement with ``:name`` parameters as psycopg wants it, with ``%(name)s``."""
    return _PARAMETER.sub(r"%(\1)s", statement)


def execute_in(connection: CallersConnection, statement: str, arguments: Mapping[str, Any]) -> Sequence[Any]:
    """Execute a statement with ``:name`` parameters and return its rows, columns by name."""
    match connection:
        case psycopg.Connection():
            cursor = connection.cursor(row_factory=namedtuple_row)
            return cursor.execute(pyformat(statement), arguments).fetchall()
        case Connection():
            return connection.execute(text(statement), arguments).all()
        case _:
            return connection.connection().execute(text(statement), arguments).all()
