"""What the execution of a claimed step run can end in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squidmesh.model.gate import PauseReason, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as it is stored and shown: ``{message, code, type, retryable, details}``."""

    message: str
    code: str
    type: str | None = None
    retryable: bool = False
    details: Mapping[str, Any] | None = None

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Failure:
        """Return the failure that ``to_dict`` wrote; keys that others added are ignored."""
        return cls(
            message=stored["message"],
            code=stored["code"],
            type=stored.get("type"),
            retryable=bool(stored.get("retryable")),
            details=stored.get("details"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "message": self.message,
            "code": self.code,
            "type": self.type,
            "retryable": self.retryable,
            "details": dict(self.details) if self.details is not None else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The callable returned; ``output`` is JSON text of an object, ``delay`` holds back what follows."""

    output: str
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The attempt failed; ``delay`` overrides the backoff of a retry.

    ``interrupted`` says that the callable was left in the middle: nobody knows how far it came.
    """

    failure: Failure
    delay: timedelta | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """The step does not run: its ``condition`` is false, or everything it waits for was skipped (None)."""

    reason: str
    condition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The worker vanished: its lease passed without a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The worker gives the claim back after ``delay``: nothing ran, or it is about to exit; no attempt is counted.

    ``untouched`` says that the callable was certainly not called.
    """

    delay: timedelta = timedelta()
    untouched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """A wait begins: the step is due again, and over, after ``delay``; no attempt is counted."""

    delay: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A gate: from now on the step waits for a person.

    ``shown`` is JSON text of what the reviewer is shown (None: it would be too large to keep); ``deadline`` is
    how long there is to decide.
    """

    reason: PauseReason
    shown: str | None = None
    title: str | None = None
    deadline: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A paused step was decided, by a person or by its deadline.

    ``output`` is JSON text of an object; ``failure`` is set where the way is ``error`` or ``fail``.
    ``attempted`` is False where the attempt was written when it was interrupted.
    """

    way: Way
    output: str
    failure: Failure | None = None
    attempted: bool = True


Outcome = Succeeded | Failed | Skipped | Lost | Released | Deferred | Reached | Decided
