"""The execution that code is part of, for whoever writes a log record in it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Set in the thread that executes a step; a coroutine of an async step begins with a copy.
EXECUTION: ContextVar[Mapping[str, Any] | None] = ContextVar("squidmesh_execution", default=None)
FACTS = ("run_id", "workflow", "step", "attempt")


@contextmanager
def executing(facts: Mapping[str, Any]) -> Iterator[None]:
    """Put the facts of an execution on the log records of the calling thread."""
    token = EXECUTION.set(facts)
    try:
        yield
    finally:
        EXECUTION.reset(token)
