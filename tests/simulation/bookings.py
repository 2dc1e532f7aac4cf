"""The machine of steps in a transaction: crashes before and after the commit, stale tokens, others in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.simulation.machine import RunMachine, evenly
from tests.simulation.scripted import ENDINGS
from tests.simulation.transacting import Fault, is_in_transaction
from tests.simulation.workflows import booking

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.model.definition import Workflow
    from tests.simulation.both import Held

_FAULTS = evenly(list(Fault))
_ENDINGS = evenly([*["ok"] * 12, *sorted(set(ENDINGS))])
_MEANWHILE = evenly([*["nothing"] * 4, "it is taken", "the run is cancelled", "it is beaten"])


class BookingMachine(RunMachine):
    """A run whose steps write in the transaction that records them."""

    # These execute without a fault, and would be most of what happens.
    progress = work_off = wake = None  # type: ignore[assignment]

    @initialize(workflow=booking(), flag=st.booleans(), max_losses=st.integers(1, 3))
    def start(self, workflow: Workflow, flag: bool, max_losses: int) -> None:
        """Start a run of a small workflow."""
        super().start(workflow, flag, max_losses)

    def _in_transactions(self) -> list[Held]:
        return [held for held in self.live.held if held.outcome is None and is_in_transaction(held.task)]

    @precondition(lambda self: bool(self._in_transactions()) or self._any_due())
    @rule(data=st.data(), ending=_ENDINGS, fault=_FAULTS, meanwhile=_MEANWHILE, chain=st.booleans())
    def transact(self, data: st.DataObject, ending: str, fault: Fault, meanwhile: str, chain: bool) -> None:
        """A thread executes a step in its transaction, and something befalls it."""
        if not self._in_transactions():
            self._work_off_others()
        if not self._in_transactions():
            return
        held = data.draw(st.sampled_from(self._in_transactions()))
        self.live.transact(held, ending, fault=fault, during=self._meanwhile(meanwhile, held), chain=chain)

    def _work_off_others(self) -> None:
        """Claim what is due, and have the steps among it executed that are in no transaction."""
        with self.live.together():
            others = [held for held in self.live.claim(2) if not is_in_transaction(held.task)]
            for held in others:
                self.live.execute(held, "ok")
            self.live.finish(others, chain=False)

    def _meanwhile(self, what: str, held: Held) -> Callable[[], object]:
        match what:
            case "it is taken":
                return lambda: self._freeze(4)
            case "the run is cancelled" if self._is_open():
                return lambda: self.live.cancel(compensate=True, force=False)
            case "it is beaten":
                return lambda: self.live.beat([held])
            case _:
                return lambda: None
