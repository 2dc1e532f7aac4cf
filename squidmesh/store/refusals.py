"""What the database refused, in our errors: one line that says what is wrong and what to do, without a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from squidmesh.errors import DatabaseUnavailable, SchemaOutdated, StatementRefused
from squidmesh.store.schema_version import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.errors import SquidMeshError

# What a statement of ours meets where the tables are not those that it was written for. The tables are asked, though:
# a value of a type that an operator does not take is an undefined function too.
_MISSING = (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn, errors.UndefinedFunction)
_READ_ONLY = "the server only reads (a standby, or default_transaction_read_only): name the primary in the database URL"
_RIGHTS = "grant its user the rights on our schema, or let its owner run 'squidmesh db upgrade'"
# A server that refuses a connection says why in words alone: psycopg passes on no SQLSTATE.
_REMEDIES = (
    (r'database "[^"]*" does not exist', "create it, or correct the name in the database URL"),
    (r'role "[^"]*" does not exist', "correct the user in the database URL"),
    (r"password authentication failed|no password supplied", "correct the user or the password of the database URL"),
    (r"no pg_hba.conf entry|authentication failed", "let this user and host in (pg_hba.conf)"),
    (r"too many (connections|clients)|remaining connection slots", "raise the limit, or run fewer processes"),
    (r"Connection refused|No such file or directory", "is the server running, and the database URL right?"),
    (r"failed to resolve host|could not translate host", "correct the host in the database URL"),
    (r"is starting up|is shutting down|in recovery mode", "try again in a moment"),
)


def translate(raised: Exception, read_version: Callable[[], str | None]) -> SquidMeshError:
    """Return our error for one of SQLAlchemy's or psycopg's; ``read_version`` says which version the tables have."""
    error = raised.orig if isinstance(raised, DBAPIError) else raised
    if isinstance(error, _MISSING) and (current := read_version()) != HEAD:
        return SchemaOutdated(current, HEAD)
    detail = _one_line(redact(str(error).strip() or type(error).__name__))
    match error:
        case errors.ReadOnlySqlTransaction():  # a server that has become a standby: the statement is right
            return DatabaseUnavailable(_READ_ONLY)
        case errors.InsufficientPrivilege():
            return StatementRefused(f"{detail}; {_RIGHTS}")
        case errors.TransactionTimeout() | psycopg.OperationalError():
            return DatabaseUnavailable(f"{detail}{_remedy(detail)}")
        case psycopg.DatabaseError():
            return StatementRefused(detail)
        case _:
            return DatabaseUnavailable(detail)


def redact(message: str) -> str:
    """Return ``message`` without the passwords of any URL or connection string in it."""
    message = re.sub(r"(://[^:/@\s]*):\S*@", r"\1:***@", message)
    return re.sub(r"(password=)('[^']*'|[^\s&]+)", r"\1***", message)


def _remedy(detail: str) -> str:
    return next((f"; {remedy}" for pattern, remedy in _REMEDIES if re.search(pattern, detail)), "")


def _one_line(message: str) -> str:
    """Return the first line: what follows shows the statement, or repeats itself for each address of a host."""
    first, *rest = message.splitlines()
    if rest and first.rstrip().endswith(":"):
        return " ".join(message.split())
    return first
