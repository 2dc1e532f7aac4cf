"""When to try again."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from squidmesh.model.definition import Backoff, BackoffType, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

JITTER = 0.2
# A loss is not the step's doing: it is tried again soon, the second time with a little more patience.
_FIRST_LOSS_DELAY = timedelta(seconds=1)
_LOSS_FACTOR = 4
_MOST_PATIENT = 6

COMPENSATION_RETRY = RetryPolicy(max_attempts=3)


def backoff_delay(backoff: Backoff, attempt: int, *, uniform: Callable[[], float] = random.random) -> timedelta:
    """Return the delay after failed attempt ``attempt`` (1-based).

    Exponential: ``min(max, min * 2^(n-1))``; linear: ``min(max, min * n)``; constant: ``min``. Jitter
    shortens it by up to 20 %, so that it never exceeds ``max``.
    """
    match backoff.type:
        case BackoffType.EXPONENTIAL:
            delay = _times(backoff, 1 << min(attempt - 1, 64))
        case BackoffType.LINEAR:
            delay = _times(backoff, attempt)
        case BackoffType.CONSTANT:
            delay = backoff.min
        case unknown:
            assert_never(unknown)
    return delay * (1 - JITTER * uniform()) if backoff.jitter else delay


def _times(backoff: Backoff, factor: int) -> timedelta:
    """Return ``min(max, min * factor)``, without making a product that no ``timedelta`` can hold."""
    if not backoff.min or factor <= backoff.max // backoff.min:
        return backoff.min * factor
    return backoff.max


def loss_delay(losses: int) -> timedelta:
    """Return the delay after loss number ``losses`` (1-based): 1 s, 4 s, 16 s …, at most about an hour."""
    exponent = min(losses - 1, _MOST_PATIENT)
    return _FIRST_LOSS_DELAY * int(_LOSS_FACTOR**exponent)
