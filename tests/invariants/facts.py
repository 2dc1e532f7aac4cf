"""All that the checks look at, read in one snapshot: the engine's tables and the ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from squidmesh.model.document import from_document
from squidmesh.model.graph import Graph
from tests.invariants.ledger import in_schema, libpq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from squidmesh.model.definition import Workflow

Row = dict[str, Any]
_QUERIES = {
    "runs": "SELECT * FROM squidmesh.runs ORDER BY id",
    "steps": "SELECT * FROM squidmesh.step_runs ORDER BY created_at, id",
    "attempts": "SELECT * FROM squidmesh.attempts ORDER BY step_run_id, number",
    "events": "SELECT * FROM squidmesh.audit_events ORDER BY at, id",
    "schedules": "SELECT * FROM squidmesh.schedules",
    "definitions": "SELECT hash, document FROM squidmesh.definitions",
    "acknowledged": "SELECT * FROM ledger.acknowledged",
    "executions": "SELECT * FROM ledger.executions ORDER BY began_at, id",
    "bookings": "SELECT * FROM ledger.bookings",
    "step_moves": "SELECT * FROM ledger.step_moves ORDER BY id",
    "run_moves": "SELECT * FROM ledger.run_moves ORDER BY id",
    "schedule_moves": "SELECT * FROM ledger.schedule_moves ORDER BY id",
    "guards": "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'squidmesh' AND indexdef LIKE '%UNIQUE%'",
    "sessions": """
        SELECT pid, application_name, state, query FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
            AND application_name <> 'ledger'""",
}


@dataclass(frozen=True)
class Violation:
    """One broken invariant: which, what is wrong, and the rows that show it."""

    invariant: str
    message: str
    evidence: Mapping[str, Any]

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.evidence.items())
        return f"{self.invariant}: {self.message} ({shown})"


@dataclass(frozen=True)
class Facts:
    """The rows of every table, as dicts, with what the checks look up in them."""

    rows: Mapping[str, Sequence[Row]]
    max_losses: int = 3

    @cached_property
    def runs(self) -> dict[Any, Row]:
        """Runs by id."""
        return {row["id"]: row for row in self.rows["runs"]}

    @cached_property
    def steps(self) -> dict[Any, Row]:
        """Step runs by id."""
        return {row["id"]: row for row in self.rows["steps"]}

    @cached_property
    def steps_of_run(self) -> dict[Any, list[Row]]:
        """Step runs of each run, as they were made."""
        return grouped(self.rows["steps"], "run_id")

    @cached_property
    def attempts(self) -> dict[Any, list[Row]]:
        """Attempts of each step run, by number."""
        return grouped(self.rows["attempts"], "step_run_id")

    @cached_property
    def moves(self) -> dict[Any, list[Row]]:
        """Moves of each step run, in order."""
        return grouped(self.rows["step_moves"], "step_run_id")

    @cached_property
    def run_moves(self) -> dict[Any, list[Row]]:
        """Moves of each run, in order."""
        return grouped(self.rows["run_moves"], "run_id")

    @cached_property
    def events(self) -> dict[tuple[Any, str | None], list[Row]]:
        """Audit events by (run, step), in order."""
        found: dict[tuple[Any, str | None], list[Row]] = defaultdict(list)
        for row in self.rows["events"]:
            found[row["run_id"], row["step"]].append(row)
        return found

    @cached_property
    def executions(self) -> dict[tuple[Any, str, int], list[Row]]:
        """Executions by (run, step, kind), in the order in which they began."""
        found: dict[tuple[Any, str, int], list[Row]] = defaultdict(list)
        for row in self.rows["executions"]:
            found[row["run_id"], row["step"], row["kind"]].append(row)
        return found

    @cached_property
    def execution(self) -> dict[str, Row]:
        """Executions by the name with which they sign."""
        return {str(row["id"]): row for row in self.rows["executions"]}

    @cached_property
    def workflows(self) -> dict[str, Workflow]:
        """Definitions by hash."""
        return {row["hash"]: from_document(row["document"]) for row in self.rows["definitions"]}

    @cached_property
    def graphs(self) -> dict[str, Graph]:
        """The graph of each definition, by hash."""
        return {hash_: Graph(workflow) for hash_, workflow in self.workflows.items()}

    def workflow(self, run: Row) -> Workflow:
        """Return what a run is pinned to."""
        return self.workflows[run["definition_hash"]]

    def has_event(self, row: Row, type_: str) -> bool:
        """Return whether an audit event of a type is about a step run's step."""
        return any(event["type"] == type_ for event in self.events.get((row["run_id"], row["step"]), ()))


def grouped(rows: Sequence[Row], column: str) -> dict[Any, list[Row]]:
    """Return rows by what stands in one column, in their order."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


def key(row: Row) -> tuple[Any, str, int]:
    """Return (run, step, kind) of a step run."""
    return row["run_id"], row["step"], row["kind"]


def named(row: Row) -> dict[str, Any]:
    """Return what names a step run or an execution in a violation."""
    return {"run": row["run_id"], "step": row["step"], "kind": row["kind"]}


def read_facts(url: str, *, schema: str = "squidmesh", max_losses: int = 3) -> Facts:
    """Read everything in one snapshot."""
    with psycopg.connect(libpq(url), application_name="ledger") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return facts_in(connection, schema=schema, max_losses=max_losses)


def facts_in(connection: psycopg.Connection[Any], *, schema: str = "squidmesh", max_losses: int = 3) -> Facts:
    """Read everything that one transaction sees."""
    with connection.pipeline():
        cursors = {
            name: connection.cursor(row_factory=dict_row).execute(in_schema(query, schema))
            for name, query in _QUERIES.items()
        }
    return Facts(rows={name: cursor.fetchall() for name, cursor in cursors.items()}, max_losses=max_losses)
