"""What names a database: which URLs and engines are taken, and how a URL is written for psycopg 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import sqlalchemy
from psycopg.conninfo import make_conninfo
from sqlalchemy import exc, make_url

from squidmesh.errors import ConfigurationError
from squidmesh.settings import EMBEDDED_SCHEME
from squidmesh.store.refusals import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

_DRIVER = "postgresql+psycopg"
_ASYNCPG = "postgresql+asyncpg"
# SQLAlchemy's own options of that driver.
_FOR_ASYNCPG = ("async_fallback", "prepared_statement_cache_size", "prepared_statement_name_func")
_SSL_MODES = {"true": "require", "false": "disable"}
_FOR_ONE_THREAD = (sqlalchemy.StaticPool, sqlalchemy.AssertionPool)
_POSTGRES_SCHEMES = ("postgres", "postgresql")
_UNREADABLE = (
    "the database URL cannot be read: write postgresql://USER:PASSWORD@HOST:PORT/NAME (in a password %40 for @ and "
    "%2F for /) or embedded:PATH"
)


def check_target(target: object) -> None:
    """Refuse, when the mesh is built, what could only fail at the first statement."""
    if isinstance(target, str):
        if not target.startswith(EMBEDDED_SCHEME):
            normalise_url(target)
        return
    if not isinstance(target, sqlalchemy.Engine):
        kind = type(target)
        hint = "; of an async engine give the URL" if hasattr(target, "sync_engine") else ""
        raise ConfigurationError(
            [f"the database must be a URL or a SQLAlchemy Engine, found {kind.__module__}.{kind.__qualname__}{hint}"]
        )
    found = f"{target.dialect.name}+{target.dialect.driver}"
    if found != _DRIVER:
        raise ConfigurationError(
            [f"the engine given must use psycopg 3 ({_DRIVER}://…), found {found}; or give its URL instead"]
        )
    if isinstance(target.pool, _FOR_ONE_THREAD):
        pool = type(target.pool).__name__
        raise ConfigurationError([f"the engine's {pool} gives all threads one connection: use another pool"])


def normalise_url(url: str) -> sqlalchemy.URL:
    """Return a Postgres URL, whatever driver it names, as one for psycopg 3."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):  # no part is shown: without its shape nobody knows where the password is
        raise ConfigurationError([_UNREADABLE]) from None
    if parsed.get_backend_name() not in _POSTGRES_SCHEMES:
        raise ConfigurationError(
            [f"the database must be PostgreSQL (postgresql://…) or embedded:PATH, found {parsed.drivername!r}"]
        )
    if "@" in (parsed.host or ""):
        raise ConfigurationError([f"the database URL has more than one @: write %40 in a password: {redact(url)!r}"])
    if parsed.drivername == _ASYNCPG:
        parsed = parsed.set(query=_from_asyncpg(parsed.query))
    try:
        make_conninfo(**dict.fromkeys(parsed.query, "any"))  # looks at the names alone
    except psycopg.ProgrammingError as error:
        raise ConfigurationError([f"the database URL {redact(url)!r}: {str(error).strip()}"]) from None
    return parsed.set(drivername=_DRIVER)


def _from_asyncpg(query: Mapping[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    """Return what an asyncpg URL says of the connection as libpq calls it, without what it says to that driver."""
    kept = {name: value for name, value in query.items() if name not in {"ssl", *_FOR_ASYNCPG}}
    mode = query.get("ssl")
    return kept if mode is None else {"sslmode": _SSL_MODES.get(str(mode).lower(), mode), **kept}


def disown(target: object) -> object:
    """In a forked process: let a host's engine open connections of its own; return those of the parent, to be kept."""
    if not isinstance(target, sqlalchemy.Engine):
        return None
    inherited = target.pool
    target.dispose(close=False)
    return inherited
