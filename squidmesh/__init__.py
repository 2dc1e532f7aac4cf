"""Squid Mesh: durable workflows as YAML inside your own Python application and its Postgres."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from squidmesh.errors import RetryStep, SquidMeshError, StepFailed
    from squidmesh.mesh import SquidMesh
    from squidmesh.steps.context import StepContext
    from squidmesh.steps.contract import Success, step

# Imported on first use: a step's module needs none of the engine, and the command line starts at once.
_HOMES = {
    "RetryStep": "squidmesh.errors",
    "SquidMesh": "squidmesh.mesh",
    "SquidMeshError": "squidmesh.errors",
    "StepContext": "squidmesh.steps.context",
    "StepFailed": "squidmesh.errors",
    "Success": "squidmesh.steps.contract",
    "step": "squidmesh.steps.contract",
}

__all__ = ["RetryStep", "SquidMesh", "SquidMeshError", "StepContext", "StepFailed", "Success", "__version__", "step"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
