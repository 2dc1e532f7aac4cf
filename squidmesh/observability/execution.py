"""The execution that code is part of, for whoever writes a log record in it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Set in the thread that executes a step; a coroutine of an async step begins with a copy.
EXECUTION: ContextVar[Mapping[str, Any] | None] = ContextVar("squidmesh_execution", default=None)
FACTS = ("run_id", "workflow", "step", "attempt")
