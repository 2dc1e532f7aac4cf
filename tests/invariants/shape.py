"""The steps that a run came to are those to which its definition leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.model.definition import COMPLETE, Shape
from squidmesh.model.state import StepRunKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from squidmesh.model.definition import Step
    from squidmesh.model.graph import Graph
    from tests.invariants.facts import Facts, Row


def follows_the_definition(facts: Facts, run: Row, steps: Sequence[Row]) -> Iterator[str]:
    """Yield where a run's steps are not what its definition makes of their outcomes."""
    graph = facts.graphs[run["definition_hash"]]
    rows = {step["step"]: step for step in steps if step["kind"] == StepRunKind.STEP}
    if graph.shape is Shape.ROUTED:
        yield from _routed(graph, run, rows)
    else:
        yield from _depending(graph, run, rows)
    if run["status"] == "completed":
        cancelled = [name for name, row in rows.items() if row["status"] == "cancelled"]
        if cancelled or len(rows) < len(steps):
            yield f"it completed with {cancelled} cancelled and {len(steps) - len(rows)} rows of recovery"


def _routed(graph: Graph, run: Row, rows: Mapping[str, Row]) -> Iterator[str]:
    """A chain: each step was entered by the end of the one before, by an edge of its outcome."""
    walked = sorted(rows.values(), key=lambda row: (row["scheduled_seq"] or 0, row["completed_seq"] or 0))
    before = None
    for row in walked:
        if before is None:
            wrong = row["step"] not in graph.entries
        else:
            targets = _targets(graph.workflow.steps[before["step"]], before["status"])
            wrong = row["step"] not in targets or row["scheduled_seq"] != before["completed_seq"]
        if wrong and run["replayed_from"] is None:
            yield f"nothing leads from {before['step'] if before else 'the start'} to {row['step']}"
        before = row
    if run["status"] != "completed" or before is None:
        return
    if COMPLETE not in _targets(graph.workflow.steps[before["step"]], before["status"]):
        yield f"it completed at {before['step']}, which leads elsewhere"


def _targets(step: Step, status: str) -> set[str]:
    """Return where a step may lead that ended so; a deadline's route too, for a gate that completed by it."""
    assert step.next is not None, "a routed step"
    edges = {"completed": step.next.ok + step.next.deadline, "skipped": step.next.ok, "failed": step.next.error}
    return {transition.to for transition in edges.get(status, ())}


def _depending(graph: Graph, run: Row, rows: Mapping[str, Row]) -> Iterator[str]:
    """Every step has a row; it was scheduled by the last of what it waits for, and counted those not skipped."""
    missing = set(graph.workflow.steps) - set(rows)
    if missing:
        yield f"steps {sorted(missing)} have no row"
    for name, row in rows.items():
        step = graph.workflow.steps[name]
        before = [rows[dependency] for dependency in dict.fromkeys(step.after) if dependency in rows]
        passed = [other for other in before if _lets_pass(graph.workflow.steps[other["step"]], other)]
        # What ends in a run that stops is not counted any more.
        goes_on = run["phase"] == "forward" and row["status"] != "cancelled"
        counts = goes_on and run["replayed_from"] is None
        if counts and row["open_deps"] != len(before) - len(passed):
            yield f"{name} counts {row['open_deps']} open dependencies, {len(before) - len(passed)} are"
        if row["scheduled_seq"] is not None and run["replayed_from"] is None:
            yield from _scheduled(row, before, passed)


def _lets_pass(step: Step, row: Row) -> bool:
    return row["status"] in {"completed", "skipped"} or (row["status"] == "failed" and step.allow_failure)


def _scheduled(row: Row, before: Sequence[Row], passed: Sequence[Row]) -> Iterator[str]:
    last = max((other["completed_seq"] or 0 for other in before), default=0)
    if len(passed) < len(before) or row["scheduled_seq"] != last:
        yield f"{row['step']} was scheduled at {row['scheduled_seq']}, what it waits for ended at {last}"
    alive = sum(other["status"] != "skipped" for other in passed)
    if row["live_deps"] != alive:
        yield f"{row['step']} counts {row['live_deps']} dependencies not skipped, {alive} are"
    # What was lost before it was looked at may be given up, or called done.
    if before and not alive and row["status"] in {"completed", "failed"} and not row["losses"]:
        yield f"{row['step']} {row['status']} though everything before it was skipped"
