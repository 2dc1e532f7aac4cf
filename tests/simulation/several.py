"""The machine of several runs at once: their starts under keys, their claims and records in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.simulation.machine import RunMachine
from tests.simulation.workflows import joined, workflows

if TYPE_CHECKING:
    from squidmesh.model.definition import Workflow

MOST_RUNS = 4


class SeveralMachine(RunMachine):
    """Runs of one workflow that are started alone, at the same moment and in batches, and moved together."""

    @initialize(workflow=workflows(most=3) | joined(), flag=st.booleans(), max_losses=st.integers(1, 3))
    def start(self, workflow: Workflow, flag: bool, max_losses: int) -> None:
        """Start a run of a small workflow."""
        super().start(workflow, flag, max_losses)

    def _room(self) -> bool:
        return len(self.live.world.runs) < MOST_RUNS

    @precondition(_room)
    @rule(flag=st.booleans(), key=st.sampled_from(["a", "b"]), times=st.integers(1, 3))
    def start_under_a_key(self, flag: bool, key: str, times: int) -> None:
        """Somebody starts a run, or asks again for one that was started; or several ask at the same moment."""
        if times == 1:
            self.live.start(flag=flag, key=key)
        else:
            self.live.start_at_once(flag=flag, key=key, times=times)

    @precondition(_room)
    @rule(flags=st.lists(st.booleans(), min_size=1, max_size=2))
    def start_batch(self, flags: list[bool]) -> None:
        """Somebody starts runs in one statement."""
        self.live.start_batch(flags)

    @precondition(lambda self: self._any_due())
    @rule(chain=st.booleans())
    def progress_together(self, chain: bool) -> None:
        """All that is due in all runs is recorded in one group."""
        self._work_off("ok", chain, 10)
