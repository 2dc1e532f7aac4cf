"""A step run whose end was handed in, and what became of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.runtime.recording import Ended
    from squidmesh.runtime.settlement import Settled
    from squidmesh.store.records import Recorded
    from squidmesh.worker.inflight import Held


@dataclass(slots=True, eq=False)
class Ticket:
    """Answered by ``recorded`` or ``settled``, or by neither where the claim was lost; ``on_answer`` is called then.

    ``successor`` is the step that was handed over to whoever takes the answer, and ``tell`` what they call first.
    """

    held: Held
    ended: Ended
    on_answer: Callable[[Ticket], object] | None = None
    tell: Callable[[Ticket], object] | None = None
    answered: bool = False
    recorded: Recorded | None = None
    settled: Settled | None = None
    successor: Held | None = None

    @property
    def hands_over(self) -> bool:
        """Whether its record makes nothing due but the one step that it hands over."""
        completion = self.ended.completion
        return self.ended.successor is not None and completion is not None and len(completion.decrements) <= 1

    def answer(self) -> None:
        """Tell that it is answered; again: nothing."""
        if not self.answered:
            self.answered = True
            if self.on_answer is not None:
                self.on_answer(self)

    def told(self) -> None:
        """Tell of what became of it."""
        if self.tell is not None:
            self.tell(self)


class Gate:
    """Where one thread waits for the answer of one ticket.

    It is a bare lock: an ``Event`` wakes its thread twice, once to find the event's own lock taken by who sets it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self, _: Ticket) -> None:
        """Let the thread go on."""
        self._lock.release()

    def wait(self) -> None:
        """Wait for the answer."""
        self._lock.acquire()
