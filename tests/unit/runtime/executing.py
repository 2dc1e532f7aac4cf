"""Executing one step whose type is given as a callable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squidmesh.model.outcome import Failed, Outcome
from squidmesh.runtime.event_loop import EventLoop
from squidmesh.runtime.execution import Executor
from squidmesh.steps.context import ClaimSignals
from squidmesh.steps.registry import StepRegistry
from tests.unit.runtime.claimed import claimed

if TYPE_CHECKING:
    from squidmesh.runtime.preparation import Prepared

ONE = "work: {uses: t.work, retry: {max_attempts: 3}, next: complete}"


def run(call: Any, task: Prepared | None = None, loop: EventLoop | None = None, **options: Any) -> Outcome:
    """Execute a step whose type is ``call``."""
    registry = StepRegistry.discover(extra={"t.work": call}, folder=Path("/nonexistent"))
    options = {"max_value_bytes": 1000} | options
    executor = Executor(registry=registry, event_loop=loop or EventLoop(), **options)
    return executor.execute(task or claimed(ONE, "work"), ClaimSignals())


def failure(outcome: Outcome) -> tuple[str, bool]:
    """Return (code, retryable) of a failure, which must be storable."""
    assert isinstance(outcome, Failed)
    json.dumps(outcome.failure.to_dict(), ensure_ascii=False, allow_nan=False).encode()
    assert "\x00" not in json.dumps(outcome.failure.to_dict(), ensure_ascii=False)
    return outcome.failure.code, outcome.failure.retryable


def raising(error: BaseException) -> Any:
    """Return a callable that raises ``error``."""

    def call() -> None:
        raise error

    return call


def endless() -> list:
    """Return a list that holds itself."""
    inner: list = []
    inner.append(inner)
    return inner
