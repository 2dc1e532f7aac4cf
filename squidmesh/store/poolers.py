"""Telling whether a pooler stands between us and the server.

Behind one that pools by transaction (PgBouncer) two transactions of a connection may reach two sessions of the
server: what is prepared, set or listened to in one is missing in the other, or met by a stranger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a connection ends at a pooler: the server's process is not the one that greeted us."""
    row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return row is not None and row[0] != connection.info.backend_pid
