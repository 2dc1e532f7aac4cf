"""When the database loop is to look for due steps: by what it saw last, and by what it has been told since."""

from __future__ import annotations

import bisect
import time


class Looks:
    """Moments of ``time.monotonic``; not thread-safe, the loop's own lock guards it."""

    def __init__(self) -> None:
        self._at = 0.0
        self._hints: list[float] = []  # in order

    @property
    def next(self) -> float:
        """When to look next."""
        return min(self._at, self._hints[0]) if self._hints else self._at

    def hint(self, due_in: float) -> None:
        """Look in ``due_in`` seconds too."""
        now = time.monotonic()
        bisect.insort(self._hints, now + due_in)
        del self._hints[: max(bisect.bisect(self._hints, now) - 1, 0)]  # of those that are due, one is enough

    def begin(self) -> None:
        """Forget the hints that the look which begins now answers."""
        del self._hints[: bisect.bisect(self._hints, time.monotonic())]

    def ended(self, look_in: float, *, looked: bool) -> None:
        """Look again in ``look_in`` seconds; without having ``looked``, no later than was meant before."""
        at = time.monotonic() + look_in
        self._at = at if looked else min(self._at, at)
