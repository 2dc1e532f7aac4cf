"""What was recorded, on its way back to the executing threads, or past them once the worker drains."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidmesh.worker.handout import Handout
    from squidmesh.worker.inflight import Held
    from squidmesh.worker.ticket import Ticket


class Answers:
    """Gives answered tickets to the threads by the handout; used by the database loop and by who drains it."""

    def __init__(self, handout: Handout) -> None:
        self._handout = handout
        self._telling: list[threading.Thread] = []
        self._untaken: list[Held] = []

    def give(self, ticket: Ticket) -> None:
        """Give an answer to a thread; once none takes any more it is told aside, and its successor is untaken."""
        if self._handout.give_back(ticket):
            return
        self.tell_aside(ticket)
        if ticket.successor is not None:
            self._untaken.append(ticket.successor)

    def tell_aside(self, ticket: Ticket) -> None:
        """Tell of a ticket in a thread of its own: callbacks must hold up neither the loop nor the draining."""
        telling = threading.Thread(target=ticket.told, name="squidmesh-report", daemon=True)
        try:
            telling.start()
        except RuntimeError:  # there is no thread to be had: the system is short of them, or the interpreter ends
            ticket.told()
        else:
            self._telling.append(telling)

    def take_untaken(self) -> list[Held]:
        """Return the successors that nobody is going to execute here, once each."""
        untaken, self._untaken = self._untaken, []
        return untaken

    def close(self, timeout: float) -> None:
        """Wait until all is told, for ``timeout`` seconds at most."""
        until = time.monotonic() + timeout
        for telling in self._telling.copy():
            telling.join(max(until - time.monotonic(), 0.0))
