"""The newest runs, for a shell that completes their ids: asked with psycopg alone, since somebody waits for a key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from squidmesh.settings import EMBEDDED_SCHEME
from squidmesh.store.embedded import EmbeddedServer

if TYPE_CHECKING:
    from uuid import UUID

_PATIENCE: dict[str, Any] = {"connect_timeout": 2, "options": "-c statement_timeout=1000"}
_NEWEST = """
SELECT id::text, workflow, status FROM "{schema}".runs
WHERE id BETWEEN %s AND %s AND (%s::text[] IS NULL OR status = ANY(%s)) ORDER BY id DESC LIMIT %s
"""


def newest_runs(
    url: str, schema: str, low: UUID, high: UUID, statuses: list[str] | None, limit: int
) -> list[tuple[str, str, str]]:
    """Return (id, workflow, status) of runs between two ids; none of an embedded server that does not run."""
    libpq = _libpq(url)
    if libpq is None:
        return []
    with psycopg.connect(libpq, autocommit=True, **_PATIENCE) as connection:
        arguments: list[Any] = [low, high, statuses, statuses, limit]
        statement = _NEWEST.format(schema=schema)
        return connection.execute(statement.encode(), arguments).fetchall()


def _libpq(url: str) -> str | None:
    if url.startswith(EMBEDDED_SCHEME):
        found = EmbeddedServer(Path(url.removeprefix(EMBEDDED_SCHEME))).describe().url
        if found is None:
            return None
        url = found
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)
