"""A step run whose end was handed in, and what became of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidmesh.runtime.recording import Ended
    from squidmesh.runtime.settlement import Settled
    from squidmesh.store.records import Recorded
    from squidmesh.worker.inflight import Held


def _closed_gate() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


@dataclass(slots=True, eq=False)
class Ticket:
    """Answered by ``recorded`` or ``settled``, or by neither where the claim was lost; one thread waits for it.

    ``successor`` is the step that was handed over to the thread that waits. It waits at a bare lock: an ``Event`` wakes
    it twice, once to find the event's own lock taken by the thread that sets it.
    """

    held: Held
    ended: Ended
    answered: bool = False
    recorded: Recorded | None = None
    settled: Settled | None = None
    successor: Held | None = None
    _gate: threading.Lock = field(default_factory=_closed_gate)

    @property
    def hands_over(self) -> bool:
        """Whether its record makes nothing due but the one step that it hands over."""
        completion = self.ended.completion
        return self.ended.successor is not None and completion is not None and len(completion.decrements) <= 1

    def answer(self) -> None:
        """Let the thread that waits go on; again: nothing."""
        if not self.answered:
            self.answered = True
            self._gate.release()

    def wait(self) -> None:
        """Wait for the answer."""
        self._gate.acquire()
