"""The state machine that hypothesis drives: any definition, any rule at any time."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from squidmesh.model.ruling import ManualAction, Ruling
from tests.simulation.lockstep import Lockstep
from tests.simulation.scripted import ENDINGS
from tests.simulation.workflows import workflows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.model.definition import Workflow
    from tests.simulation.both import Held
    from tests.simulation.scripted import Script
    from tests.simulation.stored import Stored

# SQUIDMESH_SIMULATION=50 looks at fifty times as much, each time at something else.
SCALE = int(os.environ.get("SQUIDMESH_SIMULATION", "1"))
_SECONDS = (1, 5, 31, 100, 1000)


def evenly(choices: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Draw one of some choices: the first of a list would be drawn far more often than the others."""
    return st.integers(0, 1 << 16).map(lambda number: choices[number * 7919 % len(choices)])


_ENDINGS = evenly(ENDINGS)


def simulated(examples: int, steps: int = 30) -> settings:
    """Return how much is simulated: the same each time, unless more was asked for."""
    return settings(
        max_examples=examples * SCALE,
        stateful_step_count=steps,
        derandomize=SCALE == 1,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


class RunMachine(RuleBasedStateMachine):
    """One run in memory, and its twin where ``make_twin`` makes one; machines with further rules are made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.run: Lockstep | None = None

    def make_twin(self, workflow: Workflow, script: Script, max_losses: int) -> Stored | None:
        """Return the run's twin, None without one."""

    @initialize(workflow=workflows(), flag=st.booleans(), max_losses=st.integers(1, 3))
    def start(self, workflow: Workflow, flag: bool, max_losses: int) -> None:
        """Start a run of a workflow."""
        self.run = Lockstep(workflow, max_losses=max_losses, make_twin=self.make_twin)
        self.run.start(flag=flag)

    @property
    def live(self) -> Lockstep:
        """The run, which the first rule has started."""
        assert self.run is not None
        return self.run

    def _any_due(self) -> bool:
        return bool(self.live.world.claimable())

    def _any_later(self) -> bool:
        return bool(self.live.world.later())

    def _any_paused(self) -> bool:
        return bool(self.live.world.with_status("paused"))

    def _is_open(self) -> bool:
        return bool(self.live.world.open_runs())

    def _any_held(self) -> bool:
        return bool(self.live.held)

    def _any_open(self) -> bool:
        return any(held.outcome is None for held in self.live.held)

    def _any_ended(self) -> bool:
        return any(held.outcome is not None for held in self.live.held)

    def _any_late(self) -> bool:
        return bool(self.live.late())

    def _some(self, data: st.DataObject, held: list[Held]) -> list[Held]:
        chosen = data.draw(st.sets(st.integers(0, len(held) - 1), min_size=1, max_size=4))
        return [held[number] for number in sorted(chosen)]

    @precondition(_any_due)
    @rule(wanted=st.integers(1, 4))
    def claim(self, wanted: int) -> None:
        """A worker claims."""
        self.live.claim(wanted)

    @precondition(_any_open)
    @rule(data=st.data(), ending=_ENDINGS)
    def execute(self, data: st.DataObject, ending: str) -> None:
        """A thread executes a step that it holds, or believes to hold."""
        held = data.draw(st.sampled_from([held for held in self.live.held if held.outcome is None]))
        self.live.execute(held, ending)

    @precondition(_any_ended)
    @rule(data=st.data(), chain=st.booleans())
    def finish(self, data: st.DataObject, chain: bool) -> None:
        """The recorder records what has ended, several at once."""
        self.live.finish(self._some(data, [held for held in self.live.held if held.outcome is not None]), chain=chain)

    @precondition(_any_due)
    @rule(chain=st.booleans())
    def progress(self, chain: bool) -> None:
        """All that is due is executed, and well."""
        self._work_off("ok", chain, 10)

    @precondition(_any_due)
    @rule(ending=_ENDINGS, chain=st.booleans(), wanted=st.integers(1, 3))
    def work_off(self, ending: str, chain: bool, wanted: int) -> None:
        """A worker takes some steps from their claim to their record."""
        self._work_off(ending, chain, wanted)

    def _work_off(self, ending: str, chain: bool, wanted: int) -> None:
        with self.live.together():
            fresh = self.live.claim(wanted)
            for held in fresh:
                self.live.execute(held, ending)
            self.live.finish(fresh, chain=chain)

    @precondition(_any_held)
    @precondition(_is_open)
    @rule(wanted=st.integers(1, 4))
    def freeze(self, wanted: int) -> None:
        """Every worker stops past its leases; what they held is given up, and claimed again."""
        self._freeze(wanted)

    def _freeze(self, wanted: int) -> None:
        with self.live.together():
            self.live.advance(timedelta(seconds=31))
            self.live.sweep()
            self.live.advance(timedelta(seconds=5))
            if self._any_due():
                self.live.claim(wanted)

    @precondition(_any_late)
    @rule(data=st.data(), ending=_ENDINGS)
    def thaw(self, data: st.DataObject, ending: str) -> None:
        """A worker that lost its claim goes on as if nothing had been."""
        late = data.draw(st.sampled_from(self.live.late()))
        if late.outcome is None:
            self.live.execute(late, ending)
        self.live.finish([late], chain=True)

    @precondition(_any_held)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        """A heartbeat, of claims that were lost too."""
        self.live.beat(self._some(data, self.live.held))

    @precondition(_any_held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """A process ends and gives back what it holds."""
        self.live.release(self._some(data, self.live.held))

    @precondition(_is_open)
    @rule(seconds=st.sampled_from(_SECONDS), sweep=st.booleans())
    def advance(self, seconds: int, sweep: bool) -> None:
        """Time passes; a process may sweep then."""
        self.live.advance(timedelta(seconds=seconds))
        if sweep:
            self.live.sweep()

    @precondition(_any_paused)
    @rule(action=st.sampled_from(list(ManualAction)), named=st.booleans(), retry=st.booleans(), data=st.data())
    def decide(self, action: ManualAction, named: bool, retry: bool, data: st.DataObject) -> None:
        """A person decides, or tries what cannot be decided."""
        paused = self.live.world.with_status("paused")
        number = data.draw(st.sampled_from(sorted({number for number, _, _ in paused})))
        steps = [step for other, step, _ in paused if other == number]
        step = data.draw(st.sampled_from([*steps, "s0"])) if named else None
        asked = retry and action is ManualAction.UNBLOCK
        self.live.decide(Ruling(action=action, actor="ann", step=step, retry=asked), number)

    @precondition(_is_open)
    @rule(compensate=st.booleans(), force=st.booleans(), sure=st.sampled_from([False] * 5 + [True]), data=st.data())
    def cancel(self, compensate: bool, force: bool, sure: bool, data: st.DataObject) -> None:
        """A person cancels a run, now and then."""
        if sure:
            number = data.draw(st.sampled_from(self.live.world.open_runs()))
            self.live.cancel(number, compensate=compensate, force=force)

    @precondition(_any_later)
    @rule(data=st.data())
    def wake(self, data: st.DataObject) -> None:
        """A person wakes what waits for a time."""
        number = data.draw(st.sampled_from(sorted({number for number, _, _ in self.live.world.later()})))
        self.live.wake(number)

    @precondition(lambda self: not self._is_open() and not self._any_held())
    @rule()
    def rest(self) -> None:
        """Nothing is left to be done."""

    def teardown(self) -> None:
        """All faults stop, and the run ends."""
        if self.run is not None:
            self.run.settle()
