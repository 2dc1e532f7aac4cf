"""A host for worker processes: ``squidmesh --app tests.invariants.app:mesh run``, from the top of the repository.

The database and the workflows are those of the settings (``SQUIDMESH_DATABASE_URL``, ``SQUIDMESH_WORKFLOWS``);
``LEDGER_URL`` is the way to the ledger, past any proxy that stands before the database.
"""

from __future__ import annotations

import os

from squidmesh import SquidMesh
from tests.invariants.ledger import Ledger
from tests.invariants.steps import ledger_steps


def mesh() -> SquidMesh:
    """Return the mesh of this process."""
    schema = os.environ.get("SQUIDMESH_SCHEMA", "squidmesh")
    return SquidMesh(steps=ledger_steps(Ledger(os.environ["LEDGER_URL"], schema=schema)))
