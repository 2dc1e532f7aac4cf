"""The rules by which schedules start runs: processes look and fire, people pause, resume and fire, clocks are moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.calendar import Calendar
from tests.simulation.lockstep import Lockstep
from tests.simulation.stored_schedules import StoredSchedules

if TYPE_CHECKING:
    from datetime import datetime

    from squidmesh.model.definition import Workflow
    from tests.simulation.both import MakeTwin


class Ticking(Lockstep):
    """Schedules on both sides, in several processes, and the runs that they start."""

    def __init__(self, workflow: Workflow, *, now: datetime, processes: int, make_twin: MakeTwin | None = None) -> None:
        super().__init__(workflow, make_twin=make_twin)
        self.calendar = Calendar(self.world)
        self.stored = StoredSchedules(self.twin) if self.twin is not None else None
        self.advance(now - self.world.now)
        for process in range(processes):
            self.load(process, workflow)

    def load(self, process: int, workflow: Workflow) -> None:
        """Let a process begin with a definition."""
        self.calendar.load(process, workflow)
        if self.stored is not None:
            self.stored.load(process, workflow)
        self.check()

    def fire(self, process: int) -> None:
        """Let one process look at the schedules."""
        before = len(self.world.runs)
        self.calendar.fire(process)
        if self.stored is not None:
            self.stored.fire(process)
        self._take_up(before)

    def fire_together(self) -> None:
        """Let all processes look at the schedules at the same moment."""
        before = len(self.world.runs)
        for process in self.calendar.processes:
            self.calendar.fire(process)
        if self.stored is not None:
            self.stored.fire_together()
        self._take_up(before)

    def fire_by_hand(self, process: int, trigger: str, signal: str | None) -> None:
        """Let a person fire a schedule."""
        before = len(self.world.runs)
        self.calendar.fire_by_hand(process, trigger, signal)
        if self.stored is not None:
            self.stored.act(process, "fire_schedule", trigger, signal_id=signal)
        self._take_up(before)

    def pause(self, process: int, trigger: str) -> None:
        """Let a person pause a schedule."""
        self.calendar.pause(process, trigger)
        self._ask(process, "pause_schedule", trigger)

    def resume(self, process: int, trigger: str) -> None:
        """Let a person resume a schedule."""
        self.calendar.resume(process, trigger)
        self._ask(process, "resume_schedule", trigger)

    def _ask(self, process: int, action: str, *arguments: Any) -> None:
        if self.stored is not None:
            self.stored.act(process, action, *arguments)
        self.check()

    def _take_up(self, before: int) -> None:
        if self.stored is not None:
            self.stored.take_up([run.run for run in self.world.runs[before:]])
        self.check()
