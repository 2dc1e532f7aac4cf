"""A lock that a fork leaves open: the thread that held it in the parent is not in the child to release it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

if TYPE_CHECKING:
    from types import TracebackType


class ProcessLock:
    """A re-entrant lock between the threads of one process, entered with ``with``."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _made.add(self)

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def begin_anew(self) -> None:
        """In a forked process: be free."""
        self._lock = threading.RLock()


_made: WeakSet[ProcessLock] = WeakSet()


def _begin_anew() -> None:
    for lock in list(_made):
        lock.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
