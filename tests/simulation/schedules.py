"""The machine of schedules: several schedulers, outages, pauses, deploys, runs that overlap, clocks that are moved."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.simulation.crons import EVENINGS, scheduled
from tests.simulation.ticking import Ticking

if TYPE_CHECKING:
    from datetime import datetime

    from squidmesh.model.definition import Workflow
    from tests.simulation.scripted import Script
    from tests.simulation.stored import Stored

PROCESSES = 2
MOST_RUNS = 15
_PROCESS = st.integers(0, PROCESSES - 1)
_TRIGGER = st.sampled_from(["tick", "tock"])
_MINUTES = st.sampled_from([1, 9, 20, 45, 60, 121, 300])


class ScheduleMachine(RuleBasedStateMachine):
    """One workflow's schedules, fired by several processes."""

    def __init__(self) -> None:
        super().__init__()
        self.run: Ticking | None = None
        self.workflows: list[Workflow] = []

    def make_twin(self, workflow: Workflow, script: Script, max_losses: int) -> Stored | None:
        """Return the twin, None without one."""

    @initialize(workflow=scheduled(), later=scheduled(), now=st.sampled_from(EVENINGS))
    def start(self, workflow: Workflow, later: Workflow, now: datetime) -> None:
        """Let processes begin with a definition; another may come."""
        self.workflows = [workflow, later]
        self.run = Ticking(workflow, now=now, processes=PROCESSES, make_twin=self.make_twin)

    @property
    def live(self) -> Ticking:
        """The schedules, which the first rule has begun."""
        assert self.run is not None
        return self.run

    def _room(self) -> bool:
        return len(self.live.world.runs) < MOST_RUNS

    @precondition(_room)
    @rule(minutes=_MINUTES, process=_PROCESS, together=st.booleans())
    def go_on(self, minutes: int, process: int, together: bool) -> None:
        """Time passes, and one process looks, or all do at once."""
        self.live.advance(timedelta(minutes=minutes))
        if together:
            self.live.fire_together()
        else:
            self.live.fire(process)

    @precondition(_room)
    @rule(hours=st.sampled_from([3, 11, 26, 75]), process=_PROCESS)
    def outage(self, hours: int, process: int) -> None:
        """Nobody looks for hours, or days; then one process does, and then all do."""
        self.live.advance(timedelta(hours=hours))
        self.live.fire(process)
        self.live.fire_together()

    @rule(minutes=st.sampled_from([2, 61, 150]))
    def turn_back(self, minutes: int) -> None:
        """The clock is moved back, as after a failover."""
        self.live.advance(timedelta(minutes=-minutes))
        self.live.fire_together()

    @rule(process=_PROCESS, trigger=_TRIGGER, minutes=_MINUTES)
    def pause(self, process: int, trigger: str, minutes: int) -> None:
        """A person pauses a schedule for a while, or for good."""
        if trigger in self.live.calendar.triggers(process):
            self.live.pause(process, trigger)
            self.live.advance(timedelta(minutes=minutes))
            self.live.fire_together()

    @rule(process=_PROCESS, trigger=_TRIGGER)
    def resume(self, process: int, trigger: str) -> None:
        """A person resumes a schedule, whether it is paused or not, by what this process has loaded."""
        if trigger in self.live.calendar.triggers(process):
            self.live.resume(process, trigger)
            self.live.fire_together()

    @precondition(_room)
    @rule(process=_PROCESS, trigger=_TRIGGER, signal=st.sampled_from([None, None, "a", "b"]))
    def fire_by_hand(self, process: int, trigger: str, signal: str | None) -> None:
        """A person fires a schedule, or a signal does."""
        if trigger in self.live.calendar.triggers(process):
            self.live.fire_by_hand(process, trigger, signal)

    @rule(process=_PROCESS, number=st.integers(0, 1))
    def deploy(self, process: int, number: int) -> None:
        """A process begins anew, with this definition or that."""
        self.live.load(process, self.workflows[number])

    @precondition(lambda self: bool(self.live.world.open_runs()))
    @rule()
    def end_runs(self) -> None:
        """Every run ends."""
        with self.live.together():
            for number in self.live.world.open_runs():
                self.live.cancel(number, compensate=False, force=False)

    @precondition(lambda self: self._room() and len(self.live.world.open_runs()) < len(self.live.world.runs))
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """A person replays a run that a schedule has started."""
        number = data.draw(st.integers(0, len(self.live.world.runs) - 1))
        self.live.replay(number, latest=False)

    def teardown(self) -> None:
        """The clock comes to where it was before it was turned back, and all runs end."""
        if self.run is not None:
            due = [run.run["created_at"] for run in self.run.world.runs]
            self.run.advance(max([*due, self.run.world.now]) - self.run.world.now)
            self.run.settle()
