"""Step types that write the ledger and sign what they leave: every result names the execution that it is of."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from squidmesh import RetryStep, StepContext, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.invariants.ledger import Ledger

_BOOK = "INSERT INTO ledger.bookings (run_id, step, execution) VALUES (:run, :step, :execution)"


def ledger_steps(ledger: Ledger) -> dict[str, Callable[..., Any]]:
    """Return the step types by name; each takes ``seconds``, for which it is under way."""

    def execution(ctx: StepContext, seconds: float) -> dict[str, Any]:
        begun = ledger.begin(ctx)
        time.sleep(seconds)
        ledger.end(begun)
        return {"execution": begun}

    def work(ctx: StepContext, seconds: float = 0.0) -> dict[str, Any]:
        """Do its work; also what is irreversible, as far as the ledger can tell."""
        return execution(ctx, seconds)

    def flaky(ctx: StepContext, seconds: float = 0.0, failures: int = 1) -> dict[str, Any]:
        """Fail ``failures`` times, to be tried again."""
        signed = execution(ctx, seconds)
        if ctx.attempt <= failures:
            raise RetryStep("not yet", code="flaky", details=signed)
        return signed

    def fail(ctx: StepContext, seconds: float = 0.0) -> None:
        """Fail for good."""
        raise StepFailed("it cannot be done", code="no_way", details=execution(ctx, seconds))

    def undo(ctx: StepContext, seconds: float = 0.0) -> dict[str, Any]:
        """Undo a step."""
        return execution(ctx, seconds)

    def book(ctx: StepContext, seconds: float = 0.0) -> dict[str, Any]:
        """Write a row in the transaction that records the step."""
        signed = execution(ctx, seconds)
        assert ctx.connection is not None, "to be used with 'transaction: true'"
        values = {"run": ctx.run_id, "step": ctx.step, "execution": signed["execution"]}
        ctx.connection.execute(text(_BOOK), values)
        return signed

    def poison(ctx: StepContext, seconds: float = 0.0) -> None:
        """Take the process down, every time."""
        execution(ctx, seconds)
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    return {f"ledger.{step.__name__}": step for step in (work, flaky, fail, undo, book, poison)}
