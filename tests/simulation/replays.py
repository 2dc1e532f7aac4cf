"""The machine of replays: runs that stop somewhere and are replayed, from there or from their beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from squidmesh.runtime.replay import FAILED
from tests.simulation.lockstep import Lockstep
from tests.simulation.machine import RunMachine
from tests.simulation.workflows import undoable

if TYPE_CHECKING:
    from squidmesh.model.definition import Workflow

MOST_RUNS = 6
_ALLOWED = st.sampled_from([False, False, True])


class ReplayMachine(RunMachine):
    """A run whose steps have effects, and its replays, which share them."""

    later: Workflow | None = None
    # These are driven with single runs; here they would be most of what happens.
    beat = wake = freeze = thaw = release = claim = execute = finish = None  # type: ignore[assignment]

    @initialize(workflow=undoable(), later=undoable(), max_losses=st.integers(1, 3))
    def start(self, workflow: Workflow, later: Workflow, max_losses: int) -> None:
        """Start a run of a workflow; ``later`` may be deployed after it."""
        self.later = later
        self.run = Lockstep(workflow, max_losses=max_losses, make_twin=self.make_twin)
        self.run.start(flag=True)

    def _any_ended_run(self) -> bool:
        return len(self.live.world.runs) < MOST_RUNS and bool(self._ended_runs())

    def _ended_runs(self) -> list[int]:
        still_open = self.live.world.open_runs()
        return [number for number in range(len(self.live.world.runs)) if number not in still_open]

    @precondition(lambda self: self.later is not None)
    @rule()
    def deploy(self) -> None:
        """Another definition is deployed, once."""
        assert self.later is not None
        self.live.use(self.later)
        self.later = None

    @precondition(lambda self: self._is_open())
    @rule(data=st.data(), fails=st.booleans(), far=st.integers(0, 2))
    def stop(self, data: st.DataObject, fails: bool, far: int) -> None:
        """A run gets so far and no further: a step of it fails for good, or a person cancels it."""
        with self.live.together():
            for _ in range(far):
                self._work_off("ok", chain=False, wanted=1)
            number = data.draw(st.sampled_from(self.live.world.open_runs() or [0]))
            if fails:
                self._work_off("fail", chain=False, wanted=1)
            else:
                self.live.cancel(number, compensate=False, force=True)

    @precondition(_any_ended_run)
    @rule(data=st.data(), allow=_ALLOWED, latest=st.booleans())
    def replay(self, data: st.DataObject, allow: bool, latest: bool) -> None:
        """A person replays a run from its start."""
        self.live.replay(data.draw(st.sampled_from(self._ended_runs())), allow=allow, latest=latest)

    @precondition(_any_ended_run)
    @rule(data=st.data(), allow=_ALLOWED, times=st.integers(1, 2))
    def replay_from_step(self, data: st.DataObject, allow: bool, times: int) -> None:
        """A person replays a run from one of its steps, or two people do."""
        ended = self._ended_runs()
        stopped = [number for number in ended if self._stopped_at(number) not in ([], ["s0"])]
        number = data.draw(st.sampled_from(stopped * 3 + ended))
        step = data.draw(st.sampled_from([*self._stopped_at(number) * 5, FAILED, "s0", "s1", "s2"]))
        for _ in range(times):
            self.live.replay(number, from_step=step, allow=allow)

    @precondition(lambda self: not self._is_open())
    @rule()
    def rest(self) -> None:
        """Nothing is left to be done."""

    def _stopped_at(self, number: int) -> list[str]:
        """Return the first step of a run that did not complete, if there is one: from there most is carried over."""
        run = self.live.world.runs[number]
        done = {row["step"] for row in run.with_status("completed") if row["kind"] == 0}
        return [name for name in run.definition.workflow.steps if name not in done][:1]
