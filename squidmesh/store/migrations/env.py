"""Alembic's entry: runs the versions on the connection that ``upgrade`` or ``downgrade`` was given."""

from __future__ import annotations

from alembic import context

from squidmesh.store.migrations import VERSION_TABLE
from squidmesh.store.tables import metadata

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]

context.configure(
    connection=connection,
    dialect_name="postgresql",
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=schema,
    squidmesh_schema=schema,
    as_sql=connection is None,
)
with context.begin_transaction():
    context.run_migrations()
