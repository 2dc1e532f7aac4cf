"""What a process is told: on the channel of its parent, by the end of that parent, by signals, by its own threads."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from squidmesh.worker.forking import Word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from squidmesh.worker.forking import Channel

Order = tuple[Word, Any]
_LOOK = 1.0


class Orders:
    """Orders in the order in which they came; ``channel`` is None in a process that has no parent to obey."""

    def __init__(self, channel: Channel | None = None) -> None:
        self._channel = channel
        self._parent = os.getppid()
        self._orders: deque[Order] = deque()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._handlers_before: dict[int, Any] = {}
        self._signals = 0

    def give(self, word: Word, argument: Any = None) -> None:
        """Say something to the process from one of its threads or signal handlers."""
        self._orders.append((word, argument))
        with suppress(OSError):
            os.write(self._waker, b"x")

    def give_after(self, call: Callable[[], object], word: Word) -> None:
        """Call something in a thread of its own, and say ``word`` once it has returned."""

        def work() -> None:
            try:
                call()
            finally:
                self.give(word)

        threading.Thread(target=work, name="squidmesh-end", daemon=True).start()

    def take_signals(self, *, draining: Sequence[int], ignored: Sequence[int] = (), hard: bool = False) -> None:
        """Drain on some signals (``hard``: from the second on, leave) and ignore others."""

        def handle(_: int, __: FrameType | None) -> None:
            self._signals += 1
            self.give(Word.LEAVE if hard and self._signals > 1 else Word.DRAIN)

        for number in draining:
            self._handlers_before[number] = signal.signal(number, handle)
        for number in ignored:
            self._handlers_before[number] = signal.signal(number, signal.SIG_IGN)

    def next(self, timeout: float | None = None, others: Sequence[Channel] = ()) -> Order | None:
        """Return the next order; None after ``timeout`` seconds, or once there is something on one of the others."""
        until = time.monotonic() + timeout if timeout is not None else None
        while not self._orders:
            left = _LOOK if until is None else min(until - time.monotonic(), _LOOK)
            channels = [self._channel] if self._channel is not None else []
            ready = wait([self._woken, *channels, *others], max(left, 0.0))
            self._empty(ready)
            self._hear()
            if not self._orders and ((until is not None and time.monotonic() >= until) or set(ready) & set(others)):
                return None
        return self._orders.popleft()

    def close(self) -> None:
        """Give the signals back to whoever had them."""
        while self._handlers_before:
            signal.signal(*self._handlers_before.popitem())
        os.close(self._woken)
        os.close(self._waker)

    def _empty(self, ready: Sequence[object]) -> None:
        if self._woken in ready:
            os.read(self._woken, 4096)

    def _hear(self) -> None:
        """Take what the parent says; its end means to drain."""
        if self._channel is None:
            return
        try:
            while self._channel.poll():
                self._orders.append(self._channel.recv())
        except (OSError, EOFError):
            self._orphan()
        else:
            if os.getppid() != self._parent:
                self._orphan()

    def _orphan(self) -> None:
        self._channel = None
        self._orders.append((Word.DRAIN, None))
