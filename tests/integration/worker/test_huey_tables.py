"""The tables that our migration makes for huey's storage are those that huey would make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from huey.storage import PostgresStorage

if TYPE_CHECKING:
    import psycopg

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable,
    CASE WHEN is_identity = 'YES' OR column_default LIKE 'nextval%%' THEN 'counted' ELSE column_default END
FROM information_schema.columns WHERE table_schema = %s AND table_name LIKE 'huey%%'
ORDER BY table_name, ordinal_position
"""
INDEXES = """
SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes
WHERE schemaname = %s AND tablename LIKE 'huey%%' ORDER BY indexname
"""


def test_the_tables_are_those_of_hueys_own_storage(tables: psycopg.Connection[Any], database_url: str) -> None:
    """Columns, types, defaults, keys and indexes: what an upgrade of huey changes must be migrated."""
    storage = PostgresStorage("x", connection=lambda: tables, create_tables=False)
    for statement in storage.ddl:
        tables.execute(statement)
    for query in (COLUMNS, INDEXES):
        ours = tables.execute(query, ["squidmesh"]).fetchall()
        assert len(ours) > 5
        assert ours == tables.execute(query, ["public"]).fetchall()
