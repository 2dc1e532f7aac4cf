"""For the tests of workflow authors: the pytest plugin's values, and a context to call a step with.

The plugin is loaded by every pytest that runs where this package is installed, so nothing here is imported
before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from squidmesh.testing.contexts import step_context
    from squidmesh.testing.driven import DrivenMesh
    from squidmesh.testing.replacement import Replacement

_HOMES = {
    "DrivenMesh": "squidmesh.testing.driven",
    "Replacement": "squidmesh.testing.replacement",
    "step_context": "squidmesh.testing.contexts",
}

__all__ = ["DrivenMesh", "Replacement", "step_context"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
