"""Schedules in memory: what processes fire by the product's own arithmetic, for the checker's oracle to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import Overlap
from squidmesh.runtime import firing
from squidmesh.runtime.schedules import LoadedSchedule, _times_differ, cron_to_document, schedules_of
from tests.simulation.rows import defined

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from squidmesh.model.definition import Workflow
    from squidmesh.runtime.definitions import Definition
    from tests.simulation.rows import Row
    from tests.simulation.world import World

_MOST_BYTES = 1 << 20


@dataclass
class Calendar:
    """The schedules' rows, by trigger, and the definition that each process has loaded."""

    world: World
    rows: dict[str, Row] = field(default_factory=dict)
    processes: dict[int, Definition] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    tx: int = 0

    def load(self, process: int, workflow: Workflow) -> None:
        """Let a process begin with a definition: it takes the schedules over if that is the newest."""
        definition = defined(workflow)
        self.processes[process] = definition
        self.world.definitions[definition.hash] = definition
        self.seen.setdefault(definition.hash, self.world.now)
        self.adopt(definition)

    def adopt(self, definition: Definition, *, forced: bool = False) -> None:
        """Write the schedules of a definition, unless a newer one was seen."""
        newest = max(self.seen, key=lambda hash_: (self.seen[hash_], hash_))
        if not forced and newest != definition.hash:
            return
        self.tx += 1
        for schedule in schedules_of([definition]):
            cron = cron_to_document(schedule.cron)
            row = self.rows.get(schedule.trigger)
            if row is None:
                self.rows[schedule.trigger] = {
                    "workflow": schedule.workflow,
                    "trigger": schedule.trigger,
                    "cron": cron,
                    "paused_at": None,
                    "definition_hash": definition.hash,
                    "last_fired_at": self.world.now,
                }
            elif row["definition_hash"] != definition.hash:
                differ = _times_differ(row["cron"], cron)
                row |= {"cron": cron, "definition_hash": definition.hash}
                if differ:
                    row["last_fired_at"] = self.world.now
        for trigger in set(self.rows) - set(definition.workflow.triggers):
            del self.rows[trigger]
        self._publish()

    def fire(self, process: int) -> None:
        """Let a process look at its schedules and fire what is due."""
        for schedule in schedules_of([self.processes[process]]):
            row = self.rows.get(schedule.trigger)
            if row is None or row["paused_at"] is not None or row["definition_hash"] != schedule.definition.hash:
                continue
            missed = schedule.ticks.between(row["last_fired_at"], self.world.now, firing.MOST_CAUGHT_UP)
            if missed:
                self._fire(schedule, row, missed)
        self._publish()

    def _fire(self, schedule: LoadedSchedule, row: Row, missed: Sequence[datetime]) -> None:
        self.tx += 1
        wanted = firing.choose_ticks(schedule.cron.catch_up, missed, self.world.now)
        if schedule.cron.overlap is Overlap.SKIP:
            wanted = [] if self._is_busy(schedule.trigger) else wanted[:1]
        for tick in wanted:
            self._start(schedule, tick)
        cron = {"workflow": schedule.workflow, "trigger": schedule.trigger, "cron": row["cron"], "paused": False}
        moved = {"was": row["last_fired_at"], "fired": missed[-1], "at": self.world.now, "tx": self.tx}
        row["last_fired_at"] = missed[-1]
        self.world.schedule_moves.append(cron | moved)

    def _is_busy(self, trigger: str) -> bool:
        runs = [run.run for run in self.world.runs]
        return any(run["trigger"] == trigger and run["finished_at"] is None for run in runs)

    def _start(self, schedule: LoadedSchedule, tick: datetime, signal: str | None = None) -> None:
        """Start the run of a tick, if neither the tick nor the signal has one."""
        start = firing.start_of_tick(schedule, tick, _MOST_BYTES, signal_id=signal)
        key = start.run.idempotency_key
        ticks = {(run.run["trigger"], run.run["scheduled_for"]) for run in self.world.runs}
        if (schedule.trigger, tick) in ticks or key in self.world.keys:
            return
        made = self.world.add(schedule.definition, start, tx=self.tx)
        if key is not None:
            self.world.keys[key] = made

    def fire_by_hand(self, process: int, trigger: str, signal: str | None) -> None:
        """Start the run of this minute, or of this moment for a signal."""
        schedule = self._schedule(process, trigger)
        now = self.world.now
        self.tx += 1
        self._start(schedule, now if signal is not None else now.replace(second=0, microsecond=0), signal)

    def pause(self, process: int, trigger: str) -> None:
        """Stop a schedule from firing."""
        self.adopt(self.processes[process])
        row = self.rows.get(trigger)
        if row is not None:
            row["paused_at"] = row["paused_at"] or self.world.now

    def resume(self, process: int, trigger: str) -> None:
        """Let a schedule fire again, from now on and by the definition of this process."""
        self.adopt(self.processes[process], forced=True)
        row = self.rows[trigger]
        if row["paused_at"] is not None:
            row |= {"paused_at": None, "last_fired_at": self.world.now}

    def triggers(self, process: int) -> list[str]:
        """Return the schedules that a process has loaded."""
        return sorted(self.processes[process].workflow.triggers)

    def _schedule(self, process: int, trigger: str) -> LoadedSchedule:
        (found,) = (each for each in schedules_of([self.processes[process]]) if each.trigger == trigger)
        return found

    def _publish(self) -> None:
        rows: list[Any] = list(self.rows.values())
        self.world.schedules[:] = rows
