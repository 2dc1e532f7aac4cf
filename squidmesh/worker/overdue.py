"""Attempts that have passed their timeout: ended here, whatever their callables go on to do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from squidmesh.runtime.outcomes import timed_out
from squidmesh.runtime.recording import plan_record
from squidmesh.runtime.reporting import report_ended
from squidmesh.worker.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.runtime.engine import Engine
    from squidmesh.worker.inflight import Held, InFlight
    from squidmesh.worker.interruption import Interruption


class Overdue:
    """Plans the ends of overdue attempts for the database loop, and tells of them once they are recorded.

    With an ``interruption`` the process then ends, and their callables with it.
    """

    def __init__(self, engine: Engine, inflight: InFlight, interruption: Interruption | None) -> None:
        self._engine = engine
        self._inflight = inflight
        self._interruption = interruption

    def take(self) -> list[Ticket]:
        """End the attempts that have passed their timeout, and return what to record of them."""
        tickets = [self._plan(held) for held in self._inflight.take_timed_out()]
        if tickets and self._interruption is not None:
            self._interruption.begin()
        return tickets

    def recorded(self, tickets: Sequence[Ticket]) -> None:
        """Tell of attempts: their own threads are busy, and callbacks must not hold up the loop."""
        reports = [
            threading.Thread(target=self._report, args=[ticket], name="squidmesh-report", daemon=True)
            for ticket in tickets
        ]
        for report in reports:
            report.start()
        if tickets and self._interruption is not None:
            self._interruption.complete(reports)

    def _plan(self, held: Held) -> Ticket:
        """End an attempt whose callable goes on; one that can be interrupted is."""
        held.signals.cancel()
        outcome = timed_out(held.task, self._engine.lease)
        return Ticket(held=held, ended=plan_record(held.task, outcome, self._engine.rules))

    def _report(self, ticket: Ticket) -> None:
        duration = time.monotonic() - ticket.held.began
        report_ended(self._engine.events, ticket.ended, ticket.recorded, ticket.settled, duration)
