"""Whether the server is fit for us: its version, its mood, its clock, our rights, and whether it passes on wake-ups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from squidmesh.store.tables import metadata
from squidmesh.store.wakeups import listen, notify, received

if TYPE_CHECKING:
    from sqlalchemy import Row

    from squidmesh.store.engine import Database

_SERVER = """
SELECT current_setting('server_version') AS version, CAST(current_setting('server_version_num') AS int) AS number,
    pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,
    current_user AS user, current_database() AS database, clock_timestamp() AS clock
"""
_RIGHTS = """
SELECT t.name FROM unnest(CAST(:names AS text[])) t(name)
WHERE NOT has_table_privilege(format('%I.%I', CAST(:schema AS text), t.name), 'SELECT')
    OR NOT has_table_privilege(format('%I.%I', CAST(:schema AS text), t.name), 'INSERT')
    OR NOT has_table_privilege(format('%I.%I', CAST(:schema AS text), t.name), 'UPDATE')
    OR NOT has_table_privilege(format('%I.%I', CAST(:schema AS text), t.name), 'DELETE')
ORDER BY t.name
"""
_AHEAD = "SELECT extract(epoch FROM squidmesh.now() - statement_timestamp())"


def read_server(database: Database) -> Row[Any, *tuple[Any, ...]]:
    """Return (version, number, read_only, user, database, clock) of the server."""
    with database.transaction() as connection:
        return connection.execute(text(_SERVER)).one()


def tables_without_rights(database: Database) -> list[str]:
    """Return our tables that this user may not read and write."""
    with database.transaction() as connection:
        names = [table.name for table in metadata.sorted_tables]
        return list(connection.execute(text(_RIGHTS), {"names": names, "schema": database.schema}).scalars())


def clock_ahead(database: Database) -> float:
    """Return by how many seconds the run clock was moved."""
    with database.transaction() as connection:
        return float(connection.execute(text(database.sql(_AHEAD))).scalar_one())


def hears_wakeups(database: Database, patience: float) -> bool:
    """Send a wake-up, and return whether it arrives within ``patience`` seconds."""
    connection = database.dedicate()
    try:
        with database.errors():
            listen(database, connection)
            notify(database, 0.0)
            until = time.monotonic() + patience
            while (left := until - time.monotonic()) > 0:
                for _ in received(connection, min(left, 0.1)):
                    return True
        return False
    finally:
        connection.close()
