"""Step types that do what the simulation says: each call ends as the script has it, and says what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh import RetryStep, StepContext, StepFailed, Success

if TYPE_CHECKING:
    from collections.abc import Callable

# How a call may end; "cut" is an attempt that passed its timeout in the middle.
ENDINGS = (*["ok"] * 5, "later", "fail", "fail", "retry", "retry", "put off", "raise", "bad", "cut", "cut")
LATER = "100s"
PUT_OFF = "70s"


@dataclass
class Script:
    """How the next call ends, who is told of it, and what it writes if it is one in a transaction."""

    ending: str = "ok"
    note: Callable[[StepContext], object] = lambda _: None
    book: Callable[[StepContext], object] = lambda _: None

    def play(self, ctx: StepContext, output: dict[str, Any]) -> Any:
        """Say that the call has begun, and end as the script says."""
        self.note(ctx)
        return self._end(output)

    def _end(self, output: dict[str, Any]) -> Any:
        match self.ending:
            case "later":
                return Success(output, delay=LATER)
            case "fail":
                raise StepFailed("it cannot be done", code="no_way")
            case "retry":
                raise RetryStep("not yet")
            case "put off":
                raise RetryStep("not yet", delay=PUT_OFF, details={"delay": PUT_OFF})
            case "raise":
                raise RuntimeError("it broke")
            case "bad":
                return {"value": float("nan")}
            case _:
                return output

    def steps(self) -> dict[str, Callable[..., Any]]:
        """Return the step types by name."""

        def work(ctx: StepContext) -> Any:
            """Return what it saw under its own name."""
            return self.play(ctx, {ctx.step: sorted(ctx.context), "last": ctx.step})

        def book(ctx: StepContext) -> Any:
            """Write by the connection of its transaction, then do what work does."""
            self.note(ctx)
            self.book(ctx)
            return self._end({ctx.step: sorted(ctx.context), "last": ctx.step})

        def undo(ctx: StepContext, step: dict[str, Any]) -> Any:
            """Say what it undid."""
            return self.play(ctx, {"undid": [step["name"], step["output"]]})

        def tell(ctx: StepContext) -> Any:
            """Say what went wrong."""
            return self.play(ctx, {"told": (ctx.failure or {}).get("code")})

        return {"m.work": work, "m.book": book, "m.undo": undo, "m.tell": tell}
