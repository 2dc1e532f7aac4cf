"""Handing claimed step runs to the executing threads, and counting those that wait for one."""

from __future__ import annotations

import threading
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID


class Errand(Enum):
    """What a waiting thread may be sent for instead of a step."""

    LOOK_FOR_HOST_TASK = auto()


class Handout:
    """A queue that knows how many threads wait at its end; ``on_idle`` is called when one begins to wait."""

    def __init__(self, on_idle: Callable[[], None]) -> None:
        self._on_idle = on_idle
        self._changed = threading.Condition()
        self._ready: deque[UUID | Errand] = deque()
        self._waiting = 0
        self._closed = False

    @property
    def free(self) -> int:
        """How many waiting threads have nothing coming to them."""
        return max(self._waiting - len(self._ready), 0)

    def take(self, timeout: float) -> UUID | Errand | None:
        """Return a step run, or an errand, for the calling thread; None if none comes within ``timeout`` seconds."""
        with self._changed:
            if not self._ready and not self._closed:
                self._waiting += 1
                self._on_idle()
                self._changed.wait_for(lambda: self._ready or self._closed, timeout)
                self._waiting -= 1
            return self._ready.popleft() if self._ready else None

    def offer(self, ids: Sequence[UUID | Errand]) -> bool:
        """Give step runs and errands to the threads that wait; False, and nothing given, once it was closed."""
        with self._changed:
            if self._closed:
                return False
            self._ready.extend(ids)
            self._changed.notify(len(ids))
            return True

    def close(self) -> list[UUID | Errand]:
        """Let no thread wait any longer; return what nobody had taken."""
        with self._changed:
            self._closed = True
            untaken = list(self._ready)
            self._ready.clear()
            self._changed.notify_all()
            return untaken
