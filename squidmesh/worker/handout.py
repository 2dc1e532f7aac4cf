"""Handing work to the executing threads, and counting those that wait for some."""

from __future__ import annotations

import threading
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from squidmesh.worker.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Errand(Enum):
    """What a waiting thread may be sent for instead of a step."""

    LOOK_FOR_HOST_TASK = auto()


# A claimed step run; an end that was recorded, with the step that follows it; or an errand.
Item: TypeAlias = UUID | Ticket | Errand


class Handout:
    """A queue that knows how many threads wait at its end; ``on_idle`` is called when one begins to wait.

    One thread at a time is called, the last that came to wait, and calls the next one if there is more to do when it
    has come. Calling a thread for each item would cost more than short steps do: while one thread holds the
    interpreter's lock the others would wake up only to wait for it, and find the queue empty.
    """

    def __init__(self, on_idle: Callable[[], None]) -> None:
        self._on_idle = on_idle
        self._lock = threading.Lock()
        self._ready: deque[Item] = deque()
        self._reserved = 0
        self._waiting: list[threading.Lock] = []
        self._called = 0
        self._closed = False
        self._own = threading.local()

    @property
    def free(self) -> int:
        """How many waiting threads have nothing coming to them."""
        with self._lock:
            return max(len(self._waiting) + self._called - len(self._ready) - self._reserved, 0)

    @property
    def closed(self) -> bool:
        """Whether nothing is given to threads any more."""
        return self._closed

    @property
    def ready(self) -> int:
        """How many items nobody has taken yet."""
        return len(self._ready)

    def take(self, timeout: float) -> Item | None:
        """Return something to do for the calling thread, waiting up to ``timeout`` seconds for it.

        None if nothing came, if another thread was there first, or if it is closed.
        """
        gate = self._gate()
        with self._lock:
            if self._ready or self._closed:
                return self._pop()
            self._waiting.append(gate)
        came = False
        try:
            self._on_idle()
            came = gate.acquire(timeout=timeout)
        except BaseException:
            with self._lock:
                self._leave(gate, came=False)
                self._call()  # it may have been the one that was called
            raise
        with self._lock:
            self._leave(gate, came=came)
            return self._pop()

    def offer(self, items: Sequence[Item]) -> bool:
        """Give items to the threads that wait; False, and nothing given, once it was closed."""
        with self._lock:
            if self._closed:
                return False
            self._ready.extend(items)
            self._call()
            return True

    def reserve(self) -> None:
        """Keep a thread free for something that will be given back by ``give_back``."""
        with self._lock:
            self._reserved += 1

    def give_back(self, ticket: Ticket) -> bool:
        """Give what a thread was kept free for; False once it was closed."""
        with self._lock:
            self._reserved -= 1
            if self._closed:
                return False
            self._ready.append(ticket)
            self._call()
            return True

    def close(self) -> list[Item]:
        """Let no thread wait any longer; return what nobody had taken."""
        with self._lock:
            self._closed = True
            untaken = list(self._ready)
            self._ready.clear()
            while self._waiting:
                self._call_one()
            return untaken

    def _pop(self) -> Item | None:
        if not self._ready:
            return None
        item = self._ready.popleft()
        self._call()
        return item

    def _leave(self, gate: threading.Lock, *, came: bool) -> None:
        """Count the calling thread out, whether it ``came`` because it was called or for another reason."""
        if not came and gate in self._waiting:
            self._waiting.remove(gate)
            return
        if not came:
            gate.acquire(blocking=False)  # it was called while it gave up
        self._called -= 1

    def _call(self) -> None:
        if self._ready and self._waiting and not self._called:
            self._call_one()

    def _call_one(self) -> None:
        self._called += 1
        self._waiting.pop().release()

    def _gate(self) -> threading.Lock:
        """Return the lock at which the calling thread waits: closed, but for the moment in which it is called."""
        gate: threading.Lock | None = getattr(self._own, "gate", None)
        if gate is None:
            gate = self._own.gate = threading.Lock()
            gate.acquire()
        return gate
