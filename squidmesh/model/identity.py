"""Identifiers that sort in the order in which they were made, and tokens."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING
from uuid import UUID

from squidmesh.errors import InvalidRunId

if TYPE_CHECKING:
    from datetime import datetime

_COUNTER_BITS = 12
_RANDOM_BITS = 62
_lock = threading.Lock()
_last = 0
# Asking the system for a few bytes lets another thread run each time, and an id must be unique, not secret.
_random = random.Random()  # noqa: S311 - nothing here is secret


def _begin_anew() -> None:
    """In a forked process: make other ids than the parent, and wait for no thread of the parent."""
    global _lock  # noqa: PLW0603 - the lock is that of the process
    _lock = threading.Lock()
    _random.seed()


os.register_at_fork(after_in_child=_begin_anew)


def new_id() -> UUID:
    """Return a UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, a 12-bit counter, 62 random bits.

    Ids made by one process sort in the order in which they were made: the counter (section 6.2, method 1)
    orders those of one millisecond, and time is never let run backwards.
    """
    global _last  # noqa: PLW0603 - the order is that of the process
    with _lock:
        _last = max(time.time_ns() // 1_000_000 << _COUNTER_BITS, _last + 1)
        tick = _last
    milliseconds, counter = tick >> _COUNTER_BITS, tick & ((1 << _COUNTER_BITS) - 1)
    noise = _random.getrandbits(_RANDOM_BITS)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | counter << 64 | 0x2 << 62 | noise)


def new_token() -> UUID:
    """Return a UUID version 4, by which one claim is told from all others."""
    return UUID(int=_random.getrandbits(128), version=4)


def first_id_of(moment: datetime) -> UUID:
    """Return the smallest identifier that ``new_id`` can make at a moment; what was made before sorts before it."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0x2 << 62)


def parse_run_id(value: object) -> UUID:
    """Return the UUID that ``value`` is or spells; ``InvalidRunId`` otherwise."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise InvalidRunId(str(value))
