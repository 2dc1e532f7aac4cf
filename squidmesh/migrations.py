"""Migrations of our tables for a host's own Alembic: what ``squidmesh db install`` writes calls this."""

from __future__ import annotations

from squidmesh.store.migrations import current_version, downgrade, upgrade, upgrade_sql, versions
from squidmesh.store.migrations.install import install

__all__ = ["current_version", "downgrade", "install", "upgrade", "upgrade_sql", "versions"]
