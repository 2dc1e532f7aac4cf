"""One run in memory: its rows as the tables have them, what can be said about them, and every move of theirs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from squidmesh.expressions import compile_expression
from squidmesh.model.document import definition_hash
from squidmesh.model.graph import Graph
from squidmesh.runtime.definitions import Definition, _expressions, _lanes
from tests.invariants.history import counted

if TYPE_CHECKING:
    from squidmesh.model.definition import Workflow
    from squidmesh.model.state import StepRunKind
    from squidmesh.runtime.recording import Rules

Row = dict[str, Any]
Name = tuple[str, int]
START = datetime(2026, 5, 1, 9, tzinfo=UTC)
# What is NULL at first.
_STEP_COLUMNS = (
    *("run_at", "claim_token", "worker", "lease_until", "begun_at", "output", "completed_seq", "scheduled_seq"),
    *("resume", "deadline_at", "started_at", "finished_at", "origin_id"),
)
_RUN_COLUMNS = (
    *("goal", "schedule", "scheduled_for", "failure", "last_error", "replayed_from", "deadline_at"),
    *("started_at", "finished_at"),
)
# Of which every run has rows, as the checker names them.
TABLES = ("runs", "steps", "attempts", "events", "executions", "bookings", "step_moves", "run_moves")
_MOVED = {
    "claim_token": "token",
    "lease_until": "lease",
    "attempt": "attempt",
    "run_at": "due",
    "deadline_at": "deadline",
}
_KEPT = ("status", "attempt", "losses", "output", "completed_seq", "begun_at", "finished_at")
_KEPT_RUN = ("status", "phase", "goal", "active", "retrying", "paused", "seq", "failure", "finished_at")


def defined(workflow: Workflow) -> Definition:
    """Return a definition that no database has seen, its lanes numbered as they come."""
    return Definition(
        hash=definition_hash(workflow),
        workflow=workflow,
        graph=Graph(workflow),
        lanes={lane: number for number, lane in enumerate(sorted(set(_lanes(workflow))), 1)},
        expressions={text: compile_expression(text) for text in _expressions(workflow)},
    )


@dataclass
class Rows:
    """The rows of one run; ``steps`` by name and kind, in the order in which they were made.

    ``among`` is every run that there is, this one too: an effect may be known to several. ``tx`` is the transaction
    that made the run.
    """

    definition: Definition
    rules: Rules
    lease: timedelta
    now: datetime = START
    among: list[Any] = field(default_factory=list)
    tx: int = 0
    run: Row = field(default_factory=dict)
    steps: dict[Name, Row] = field(default_factory=dict)
    attempts: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    executions: list[Row] = field(default_factory=list)
    bookings: list[Row] = field(default_factory=list)
    run_moves: list[Row] = field(default_factory=list)
    step_moves: list[Row] = field(default_factory=list)
    _before: dict[Any, Row] = field(default_factory=dict)

    def add_run(self, **columns: Any) -> None:
        """Make the run's row."""
        self.run = dict.fromkeys(_RUN_COLUMNS) | {
            "status": "pending",
            "phase": "forward",
            "compensate": False,
            "retrying": 0,
            "paused": 0,
            "seq": 0,
            "created_at": self.now,
        }
        self.run |= columns

    def add_step(self, step: str, kind: StepRunKind, lane: int, **columns: Any) -> Row:
        """Make the row of a step run; there must be none such."""
        assert (step, kind) not in self.steps, f"a second row for {step}"
        row = dict.fromkeys(_STEP_COLUMNS) | {
            "id": uuid4(),
            "run_id": self.run["id"],
            "step": step,
            "kind": int(kind),
            "lane": lane,
            "solo": False,
            "attempt": 0,
            "losses": 0,
            "open_deps": 0,
            "live_deps": 0,
            "created_at": self.now,
        }
        self.steps[step, int(kind)] = row | columns
        return self.steps[step, int(kind)]

    def row_of(self, id_: UUID) -> Row:
        """Return a step run by its id."""
        (row,) = (row for row in self.steps.values() if row["id"] == id_)
        return row

    def add_attempt(self, row: Row, error: dict[str, Any] | None) -> None:
        """Write an attempt that has ended."""
        self.attempts.append(
            {
                "step_run_id": row["id"],
                "number": row["attempt"],
                "status": "completed" if error is None else "failed",
                "error": error,
                "worker": row["worker"],
                "started_at": row["started_at"],
                "finished_at": self.now,
            }
        )

    def add_event(self, type_: str, step: str | None = None, metadata: Any = None) -> None:
        """Write an audit event."""
        event = {"run_id": self.run["id"], "step": step, "type": type_, "metadata": metadata, "at": self.now}
        self.events.append({"id": uuid4(), **event})

    def count(self) -> None:
        """Set the run's counters, and in a run that goes forward what it shows, by its rows."""
        run = self.run
        run["active"], run["retrying"], run["paused"] = counted(run, list(self.steps.values()))
        if run["phase"] == "forward" and run["finished_at"] is None:
            run["status"] = "running" if run["active"] else "retrying" if run["retrying"] else "paused"

    def with_status(self, *statuses: str) -> list[Row]:
        """Return the step runs in some statuses."""
        return [row for row in self.steps.values() if row["status"] in statuses]

    def note_moves(self) -> None:
        """Note what has changed since the last time, as the ledger's triggers do."""
        for name, row in self.steps.items():
            was = self._before.get(name, {})
            if was != row:
                moved = {new: row[column] for column, new in _MOVED.items()}
                moved |= {f"was_{new}": was.get(column) for column, new in _MOVED.items()}
                kept = was.get("finished_at") is None or all(was[column] == row[column] for column in _KEPT)
                known = {"step_run_id": row["id"], "was": was.get("status"), "now": row["status"], "session": "memory"}
                self.step_moves.append({"at": self.now, "kept": kept, **known, **moved})
            self._before[name] = dict(row)
        was = self._before.get("run", {})
        if was != self.run:
            kept = was.get("finished_at") is None or all(was[column] == self.run[column] for column in _KEPT_RUN)
            known = {"run_id": self.run["id"], "was": was.get("status"), "now": self.run["status"]}
            self.run_moves.append({"at": self.now, "kept": kept, "tx": self.tx, **known})
        self._before["run"] = dict(self.run)

    def rows(self) -> dict[str, list[Row]]:
        """Return every row of the run, by table."""
        steps = list(self.steps.values())
        written = [self.attempts, self.events, self.executions, self.bookings, self.step_moves, self.run_moves]
        return dict(zip(TABLES, [[self.run], steps, *written], strict=True))


def parsed(text: str | None) -> Any:
    """Return what JSON text stands for, None for none."""
    return None if text is None else json.loads(text)
