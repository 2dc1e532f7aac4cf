"""Steps that run in the transaction of their record, and what may befall them between their call and their commit."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from squidmesh.model.definition import Uses
from squidmesh.model.outcome import Succeeded
from squidmesh.runtime.outcomes import timed_out
from squidmesh.steps.context import ClaimSignals
from tests.simulation.both import LEASE, Both, Held

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.preparation import Prepared
    from tests.simulation.stored_transactions import TransactionEnd


class Fault(StrEnum):
    """What befalls a step's transaction."""

    NONE = "none"
    # Its process dies when the callable has returned: nothing is committed.
    DIES_BEFORE = "dies before"
    # Its connection does: nothing is committed, and its process knows.
    BREAKS_BEFORE = "breaks before"
    # Its connection does when it is committed, before the answer: the process has to look.
    BREAKS_AFTER = "breaks after"
    # Its process dies when it is committed: nobody holds what was handed over.
    DIES_AFTER = "dies after"


class Transacting(Both):
    """Calls in a transaction: recorded with what they wrote, or neither."""

    def transact(
        self,
        held: Held,
        ending: str,
        *,
        fault: Fault = Fault.NONE,
        during: Callable[[], object] = lambda: None,
        chain: bool = False,
    ) -> None:
        """Execute and record a step in its transaction; ``during`` is what others do while it is called."""
        called: list[bool] = []
        self.script.ending = self.twin_script.ending = ending
        self.script.note = lambda _: self.world.of(held.task).note_execution(held.task)
        self.script.book = lambda _: called.append(True)
        outcome: Outcome = self.executor.execute(held.task, ClaimSignals())
        cut = ending == "cut" and bool(called)
        twin_ended = None
        if self.twin is not None and held.twin is not None:
            twin_ended = self.twin.transact(held.twin, fault, during, cut=cut, chain=chain)
        elif called:
            during()
        recorded = isinstance(outcome, Succeeded) and not cut
        if fault is Fault.DIES_BEFORE or (fault is Fault.BREAKS_BEFORE and recorded):
            assert twin_ended is None or twin_ended.outcome is None, "nothing of it can be known"
            self.held.remove(held)
        elif recorded:
            self._take_up(held, outcome, fault, twin_ended, chain=chain)
        else:
            held.outcome = cut_off(held.task, outcome, ending)
            if held.twin is not None and twin_ended is not None:
                held.twin_outcome = timed_out(held.twin, LEASE) if cut else twin_ended.outcome
                assert held.twin_outcome == held.outcome
        self.check()

    def _take_up(
        self, held: Held, outcome: Outcome, fault: Fault, twin_ended: TransactionEnd | None, *, chain: bool
    ) -> None:
        answer = self.world.transact(held.task, outcome, chain=chain)
        assert twin_ended is None or twin_ended.refused == answer.refused, f"refused: {answer.refused}"
        self.held.remove(held)
        if answer.successor is not None and fault is not Fault.DIES_AFTER:
            self.held.append(Held(answer.successor, twin_ended.successor if twin_ended is not None else None))


def is_in_transaction(task: Prepared) -> bool:
    """Return whether a claimed step is executed in the transaction of its record."""
    return isinstance(task.step.action, Uses) and task.step.action.transaction and task.undo is None


def cut_off(task: Prepared, outcome: Outcome, ending: str) -> Outcome:
    """Return the outcome of an attempt that was cut off at its timeout, if that is how it is to end."""
    if ending == "cut" and isinstance(outcome, Succeeded) and isinstance(task.step.action, Uses):
        return timed_out(task, LEASE)
    return outcome
