"""One attempt as those who watch see it: from its start to its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from squidmesh.observability.attempt_spans import begin_attempt
from squidmesh.observability.execution import EXECUTION
from squidmesh.runtime.recording import attempt_failure
from squidmesh.runtime.reporting import logged

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from squidmesh.model.outcome import Failure, Outcome
    from squidmesh.runtime.engine import Engine
    from squidmesh.runtime.preparation import Prepared


class Observed:
    """Puts the facts of an execution on all log records of it, and into a span if this process traces."""

    def __init__(self, engine: Engine, task: Prepared) -> None:
        self._engine = engine
        self._task = task

    def __enter__(self) -> Self:
        self._token: Token[Any] = EXECUTION.set(logged(self._task))
        self._span = begin_attempt(self._engine, self._task)
        return self

    @property
    def traced(self) -> bool:
        """Whether the attempt has a span, which is its thread's current one until it is recorded."""
        return self._span is not None

    def returned(self, outcome: Outcome) -> None:
        """Say what came of the callable, before it is recorded."""
        if self._span is not None and attempt_failure(outcome) is not None:
            self._span.keep()

    def ended(self, ending: str, failure: Failure | None = None) -> None:
        """Say how the attempt ended."""
        if self._span is not None:
            self._span.say(ending, failure)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._span is not None:
            self._span.end()
        EXECUTION.reset(self._token)
