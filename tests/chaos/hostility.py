"""Values that break what is not ready for them, and the step type that leaves them wherever a step can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh import RetryStep, StepFailed, Success

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEP = 10_000
_LARGE = 2 * 1024 * 1024


def _deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(_DEEP):
        found = [found]
    return found


class Unprintable:
    """A value whose own text cannot be had."""

    def __repr__(self) -> str:
        raise ValueError("no text")


# Where a value is text, it can also be the message of an error.
TEXTS: dict[str, str] = {
    "nul": "before\0after",
    "surrogate": "\ud800",
    "large": "x" * _LARGE,
    "escapes": "\x1b[2J\r\n%s%(x)s{0}",
    "wide": "\U0010ffff" * 1000,
}
VALUES: dict[str, Callable[[], Any]] = {
    **{name: lambda text=text: text for name, text in TEXTS.items()},  # type: ignore[misc]  # bound at once
    "nan": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "digits": lambda: 10**5000,
    "deep": _deep,
    "bytes": lambda: b"\xff",
    "object": object,
    "unprintable": Unprintable,
    "keys": lambda: {1: "a", None: "b", "\0": "c"},
    "set": lambda: {1},
}
# What is JSON after all, and may be kept.
HARMLESS = {"escapes", "wide"}
PLACES = ("output", "key", "whole", "success", "raise", "fail", "retry", "details")


def leave(value: str, place: str) -> Any:
    """Leave the named value in the named place."""
    made = VALUES[value]()
    match place:
        case "output":
            return {"made": made}
        case "key":
            return {made if isinstance(made, str) else "made": [made]}
        case "whole":
            return made
        case "success":
            return Success({"made": made})
        case "raise":
            raise RuntimeError(made)
        case "fail":
            raise StepFailed(made, code=made)
        case "retry":
            raise RetryStep(made, delay="1ms")
        case _:
            raise StepFailed("hostile", details={"made": made})
