"""The façade: one object that a host makes, holds and closes."""

from squidmesh.mesh.facade import SquidMesh

__all__ = ["SquidMesh"]
