"""The sweep for runs past their timeout, made by hand."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from squidmesh.runtime.timeouts import sweep_timeouts

if TYPE_CHECKING:
    from squidmesh import SquidMesh


def swept(mesh: SquidMesh) -> int:
    """Sweep as a worker of this mesh does; return how many runs were stopped."""
    with closing(mesh.engine.dedicated()) as store, store.use() as connection:
        return sweep_timeouts(mesh.engine, connection)
