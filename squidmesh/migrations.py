"""Migrations of our tables for a host's own Alembic: what ``squidmesh db install`` writes calls this."""

from __future__ import annotations

from squidmesh.store.migrations import downgrade, known_versions, upgrade, upgrade_sql
from squidmesh.store.migrations.install import install
from squidmesh.store.schema_version import current_version

__all__ = ["current_version", "downgrade", "install", "known_versions", "upgrade", "upgrade_sql"]
