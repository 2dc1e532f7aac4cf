"""One HTTP request inside a step of one's own: ``from squidmesh.http import send``."""

from __future__ import annotations

from squidmesh.steps.http import send

__all__ = ["send"]
