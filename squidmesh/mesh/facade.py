"""The façade that a host holds."""

from __future__ import annotations

from squidmesh.mesh.checking import Checking
from squidmesh.mesh.metering import Metering
from squidmesh.mesh.operating import Operating
from squidmesh.mesh.scheduling import Scheduling
from squidmesh.mesh.supervising import Supervising


class SquidMesh(Operating, Scheduling, Supervising, Metering, Checking):
    """Durable workflows in this application.

    ``database`` is a URL (``postgresql://…`` or ``embedded:PATH``) or a SQLAlchemy ``Engine``, ``workflows`` a
    file, a directory or a list of them, ``steps`` extra step types by name; what is not given comes from the
    settings, which are looked for in ``folder`` (default: the working directory) and its parents, as is the private
    database where none is set. Constructing connects to nothing, so it is safe at import and before a fork.
    """
