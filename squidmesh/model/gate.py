"""Gates: what a paused step waits for, and which way a decision sends it."""

from __future__ import annotations

from enum import StrEnum


class PauseReason(StrEnum):
    """Why a step is paused; it says what may be decided about it."""

    PAUSE = "pause"  # unblock
    APPROVAL = "approval"  # approve, reject
    INTERRUPTED = "interrupted_irreversible_step"  # unblock as done, or ask for another attempt
    WORKER_LOST = "worker_lost"  # the same, for a step with ``on_worker_lost: pause``

    @property
    def interrupted(self) -> bool:
        """Whether an attempt was cut off, rather than a gate reached."""
        return self in {PauseReason.INTERRUPTED, PauseReason.WORKER_LOST}


class Verdict(StrEnum):
    """The ``decision`` in a gate's output."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RESUMED = "resumed"


class Way(StrEnum):
    """Where a decision sends a gate."""

    OK = "ok"
    ERROR = "error"
    DEADLINE = "deadline"
    FAIL = "fail"  # for good, whatever ``error`` route there is
