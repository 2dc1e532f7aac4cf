"""Supervising the processes of a process worker: each is replaced when it ends, until all are to stop.

The supervising process opens no connection and starts no thread, so that there is nothing that a process which it
forks would have to fear.
"""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.worker.forking import Word
from squidmesh.worker.slot import Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.errors import SquidMeshError
    from squidmesh.worker.child import Trade
    from squidmesh.worker.forking import Channel
    from squidmesh.worker.orders import Order, Orders

log = logging.getLogger(__name__)
_LOOK = 0.5
LAST_WORDS = 8.0  # seconds, for records and farewells after the grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many processes do what; ``grace`` and ``lease`` are in seconds."""

    trade: Trade
    size: int
    grace: float
    lease: float
    burst: bool


class Supervisor:
    """Keeps the processes of a plan; used once. ``on_ready`` is called when the first of them works."""

    def __init__(self, plan: Plan, orders: Orders, on_ready: Callable[[], None] = lambda: None) -> None:
        self._plan = plan
        self._orders = orders
        self._on_ready = on_ready
        self._slots = [Slot(plan.trade, plan.lease) for _ in range(plan.size)]
        self._begun = False
        self._error: SquidMeshError | None = None
        self._kill_at: float | None = None
        self._looked_at = self._awake_since = time.monotonic()

    def supervise(self) -> None:
        """Return when all have stopped; raise what kept the first process from beginning, if none ever began."""
        gc.collect()
        gc.freeze()  # or the next collection of each process would copy the memory that they share
        try:
            while self._slots:
                self._fill()
                self._obey(self._orders.next(self._patience(), self._channels()))
                self._look()
        finally:
            for slot in self._slots:
                slot.kill("is left over")
            gc.unfreeze()
        if self._error is not None:
            raise self._error

    @property
    def _stopping(self) -> bool:
        return self._kill_at is not None

    def _fill(self) -> None:
        for slot in self._slots:
            if slot.process is None and time.monotonic() >= slot.fill_at:
                slot.fill()

    def _channels(self) -> list[Channel]:
        return [slot.process.channel for slot in self._slots if slot.process is not None]

    def _patience(self) -> float:
        """Return the seconds until the next look, or the next process to be forked."""
        moments = [slot.fill_at for slot in self._slots if slot.process is None]
        return max(min([time.monotonic() + _LOOK, *moments]) - time.monotonic(), 0.0)

    def _obey(self, order: Order | None) -> None:
        match order:
            case (Word.DRAIN, grace) if not self._stopping:
                self._stop(Word.DRAIN, self._plan.grace if grace is None else grace)
            case (Word.LEAVE, _):
                self._stop(Word.LEAVE, 0.0)

    def _stop(self, word: Word, grace: float) -> None:
        """Tell all processes to stop, and fill no place again."""
        self._kill_at = time.monotonic() + grace + LAST_WORDS
        self._slots = [slot for slot in self._slots if slot.process is not None]
        for slot in self._slots:
            slot.tell(word, grace)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at > _LOOK * 2:  # it was this process that stood still
            self._awake_since = now
        self._looked_at = now
        for slot in list(self._slots):
            slot.hear()
            self._greet(slot)
            pid, code = slot.vacate()
            if code is not None:
                self._ended(slot, pid, code)
            elif self._kill_at is not None and now >= self._kill_at:
                slot.kill("has not stopped in time")
            else:
                slot.kill_if_silent(self._awake_since)

    def _greet(self, slot: Slot) -> None:
        if slot.ready and not self._begun:
            self._begun = True
            self._on_ready()

    def _ended(self, slot: Slot, pid: int, code: int) -> None:
        if self._stopping or (self._plan.burst and code == 0):
            self._slots.remove(slot)
        elif slot.error is not None and not self._begun:
            self._error = slot.error
            self._slots.remove(slot)
            self._stop(Word.LEAVE, 0.0)
        else:
            slot.replace(pid, code)
