"""What this process cannot read or record: told once, and left alone for a while."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

_LOOK_AGAIN = 60.0
_FORGET = 10 * _LOOK_AGAIN


class Unreadable:
    """Expired claims, by token, whose loss could not be recorded here: most are of runs of a later release."""

    def __init__(self) -> None:
        self._met: dict[UUID, float] = {}
        self._lock = threading.Lock()

    def left_alone(self) -> list[UUID]:
        """Return the tokens of the claims that are not looked at for now."""
        now = time.monotonic()
        with self._lock:
            self._met = {token: met for token, met in self._met.items() if now - met < _FORGET}
            return [token for token, met in self._met.items() if now - met < _LOOK_AGAIN]

    def meet(self, token: UUID) -> bool:
        """Leave a claim alone for a while; return whether it is met for the first time."""
        with self._lock:
            first = token not in self._met
            self._met[token] = time.monotonic()
            return first
