"""A private PostgreSQL in a folder, for a first try, for tests and for a single machine."""

from squidmesh.store.embedded.server import EmbeddedServer, Facts

__all__ = ["EmbeddedServer", "Facts"]
