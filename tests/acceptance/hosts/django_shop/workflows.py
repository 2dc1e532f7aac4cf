"""The shop's mesh, for its views and its workers."""

from __future__ import annotations

from django.conf import settings
from fulfilment.steps import STEPS, WORKFLOWS

from squidmesh import SquidMesh

mesh = SquidMesh(settings.SQUIDMESH_DATABASE_URL, workflows=WORKFLOWS, steps=STEPS)
