"""Several runs in memory under one clock: started, claimed and recorded together, as the statements take them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from squidmesh.runtime.start import first_start
from tests.invariants.facts import Facts
from tests.invariants.recorded import GUARDS
from tests.simulation.memory import Answered, Memory, RefusedError
from tests.simulation.rows import START, TABLES, Row, defined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from squidmesh.model.definition import Workflow
    from squidmesh.model.outcome import Outcome
    from squidmesh.runtime.definitions import Definition
    from squidmesh.runtime.preparation import Prepared
    from squidmesh.runtime.recording import Ended, Rules
    from squidmesh.runtime.start import Start
    from tests.simulation.rows import Name

Place = tuple[int, str, int]
"""(number of the run, step, kind)"""


@dataclass
class World:
    """Every run, in the order in which they were started; ``newest`` is the definition that starts go by."""

    newest: Definition
    rules: Rules
    lease: timedelta
    now: datetime = START
    runs: list[Memory] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    schedules: list[Row] = field(default_factory=list)
    schedule_moves: list[Row] = field(default_factory=list)

    def use(self, workflow: Workflow) -> None:
        """Let a definition be the newest."""
        self.newest = defined(workflow)

    def advance(self, by: timedelta) -> None:
        """Let time pass, for every run."""
        self.now += by
        for run in self.runs:
            run.now = self.now

    def start(self, *, flag: bool, key: str | None = None) -> int:
        """Start a run, or find the one that the key started; ``RefusedError`` if that was asked for otherwise."""
        payload = {"flag": flag}
        if key is not None and key in self.keys:
            found = self.keys[key]
            if self.runs[found].run["payload"] != payload:
                raise RefusedError
            return found
        number = self.add(self.newest, first_start(self.newest, "go", json.dumps(payload)))
        if key is not None:
            self.keys[key] = number
        return number

    def add(self, definition: Definition, start: Start, *, tx: int = 0) -> int:
        """Make the rows of a run, and return its number; ``tx`` is the transaction that made it."""
        run = Memory(definition, self.rules, self.lease, now=self.now, among=self.runs, tx=tx)
        self.definitions[definition.hash] = definition
        self.runs.append(run)
        run.begin(start)
        run.note_moves()
        return len(self.runs) - 1

    def of(self, task: Prepared) -> Memory:
        """Return the run that a claim is of."""
        return self.runs[self.place(task)[0]]

    def place(self, task: Prepared) -> Place:
        """Return what a claim is of."""
        (number,) = (number for number, run in enumerate(self.runs) if run.run["id"] == task.claim.run.id)
        return number, task.claim.step, int(task.claim.kind)

    def row(self, place: Place) -> Row:
        """Return a step run."""
        return self.runs[place[0]].steps[place[1:]]

    def rank(self, place: Place) -> tuple[int, datetime]:
        """Return how urgent a step run is: its priority, then when it was due."""
        row = self.row(place)
        return -self.runs[place[0]].priority(row), row["run_at"]

    def with_status(self, *statuses: str) -> list[Place]:
        """Return the step runs in some statuses, by run."""
        found = [(number, row) for number, run in enumerate(self.runs) for row in run.with_status(*statuses)]
        return [(number, row["step"], row["kind"]) for number, row in found]

    def open_runs(self) -> list[int]:
        """Return the runs that have not ended."""
        return [number for number, run in enumerate(self.runs) if run.run["finished_at"] is None]

    def claimable(self) -> list[Place]:
        """Return what is due, in the order in which it would be claimed."""
        due = [place for place in self.with_status("pending") if self.row(place)["run_at"] <= self.now]
        return sorted(due, key=self.rank)

    def later(self) -> list[Place]:
        """Return what is due at a later time."""
        return [place for place in self.with_status("pending") if self.row(place)["run_at"] > self.now]

    def claim(self, places: Iterable[Place], worker: str) -> list[Prepared]:
        """Claim step runs that are due, and return them prepared."""
        return [task for number, *name in places for task in self.runs[number].claim([(name[0], name[1])], worker)]

    def record(self, plans: Sequence[Ended]) -> dict[UUID, Row | None]:
        """Apply planned completions in one statement; return those taken, each with the row handed over (or None)."""
        completions = [plan.completion for plan in plans if plan.completion is not None]
        numbered = list(enumerate(completions, 1))
        taken: dict[UUID, Row | None] = {}
        for run in self.runs:
            taken |= run.record([(k, item) for k, item in numbered if item.run_id == run.run["id"]])
        return taken

    def finish(self, ends: Sequence[tuple[Prepared, Outcome]], *, chain: bool) -> list[Answered]:
        """Record how claims ended: what the hot path takes together, the others one after the other."""
        plans = [self.of(task).plan(task, outcome, chain=chain) for task, outcome in ends]
        taken = self.record(plans)
        answers = [self.of(plan.task).answer(plan, taken) for plan in plans]
        self.note_moves()
        return answers

    def transact(self, task: Prepared, outcome: Outcome, *, chain: bool) -> Answered:
        """Record how a claim ended in the transaction of its step: what it wrote stands if the record does."""
        (answer,) = self.finish([(task, outcome)], chain=chain)
        if not answer.refused:
            booked = {"run_id": task.claim.run.id, "step": task.claim.step, "execution": uuid4()}
            self.of(task).bookings.append(booked)
        return answer

    def beat(self, tasks: Iterable[Prepared]) -> set[Place]:
        """Extend the leases of the claims that stand, and return whose they are."""
        return {self.place(task) for task in tasks if self.of(task).beat([task])}

    def expired(self) -> list[Place]:
        """Return the claims whose lease has passed."""
        return [place for place in self.with_status("running") if self.row(place)["lease_until"] < self.now]

    def give_up(self, places: Iterable[Place]) -> None:
        """Record the losses of claims whose lease has passed, in this order."""
        for number, name in _split(places):
            self.runs[number].give_up([name])

    def overdue(self) -> list[Place]:
        """Return the gates whose deadline has passed."""
        return [(number, *name) for number, run in enumerate(self.runs) for name in run.overdue()]

    def expire(self, places: Iterable[Place]) -> None:
        """Let the deadlines of gates decide them, in this order."""
        for number, name in _split(places):
            self.runs[number].expire([name])

    def time_out(self) -> int:
        """Stop the runs whose time is up; return how many."""
        return sum(run.time_out() for run in self.runs)

    def release(self, tasks: Iterable[Prepared], delay: timedelta) -> None:
        """Give claims back at the end of a process."""
        for task in tasks:
            self.of(task).release([task], delay)

    def note_moves(self) -> None:
        """Note what has changed since the last time."""
        for run in self.runs:
            run.note_moves()

    def facts(self) -> Facts:
        """Return everything as the checker reads it."""
        rows: dict[str, list[Any]] = {
            "definitions": [],
            "guards": [{"name": name} for name in GUARDS],
            "acknowledged": [{"run_id": run.run["id"], "at": run.run["created_at"]} for run in self.runs],
            "schedules": self.schedules,
            "schedule_moves": self.schedule_moves,
            "sessions": [],
        }
        rows |= {table: [] for table in TABLES}
        for run in self.runs:
            for table, added in run.rows().items():
                rows[table].extend(added)
        facts = Facts(rows=rows, max_losses=self.rules.max_losses)
        # No document was written; to read one back after every rule would take longer than the checks.
        vars(facts)["workflows"] = {hash_: definition.workflow for hash_, definition in self.definitions.items()}
        vars(facts)["graphs"] = {hash_: definition.graph for hash_, definition in self.definitions.items()}
        return facts


def _split(places: Iterable[Place]) -> Iterable[tuple[int, Name]]:
    return ((number, (step, kind)) for number, step, kind in places)
