"""A run that failed has undone what it had done: each step once, the last completed first, whoever knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import Uses
from squidmesh.model.state import StepRunKind
from tests.invariants.facts import Facts, Row, Violation, key, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from squidmesh.model.definition import Workflow


def effects_are_undone_once(facts: Facts) -> Iterator[Violation]:
    """I3: of the runs that know of an effect, one at most has called what undoes it, and none carries it afterwards."""
    yield from _carried_twice(facts)
    undoers: dict[Any, list[Row]] = {}
    for row in facts.rows["steps"]:
        if row["kind"] == StepRunKind.COMPENSATION and facts.executions.get(key(row)):
            undoers.setdefault(row["origin_id"], []).append(row)
    for origin, rows in undoers.items():
        if len(rows) > 1:
            yield Violation("I3", "an effect was undone twice", named(rows[0]) | {"also": rows[1]["run_id"]})
        since = min(facts.executions[key(row)][0]["began_at"] for row in rows)
        for row in facts.rows["steps"]:
            carried = row["origin_id"] == origin and row["kind"] == StepRunKind.STEP
            if carried and row["created_at"] > since:
                yield Violation("I3", "a step was carried over after it was undone", named(row) | {"since": since})


def _carried_twice(facts: Facts) -> Iterator[Violation]:
    """Yield the effects that two open runs have carried over: each might undo what the other builds on."""
    carriers: dict[Any, Row] = {}
    for row in facts.rows["steps"]:
        run = facts.runs.get(row["run_id"])
        if row["origin_id"] is None or row["kind"] != StepRunKind.STEP or run is None or run["finished_at"] is not None:
            continue
        if row["status"] == "completed" and _compensated(facts.workflow(run), row):
            other = carriers.setdefault(row["origin_id"], row)
            if other is not row:
                yield Violation("I3", "two open runs carry one effect", named(row) | {"other": other["run_id"]})


def undone_in_order(facts: Facts, run: Row, steps: Sequence[Row]) -> Iterator[str]:
    """Yield where the recovery of a run is not what its completed steps ask for."""
    recovery = [step for step in steps if step["kind"] == StepRunKind.COMPENSATION]
    handlers = [step for step in steps if step["kind"] == StepRunKind.ON_FAILURE]
    workflow = facts.workflow(run)
    if run["phase"] == "forward" and recovery + handlers:
        yield "it goes forward and is being undone"
    yield from _order(recovery)
    if run["status"] == "failed" and (workflow.on_failure is not None) != (len(handlers) == 1):
        yield f"its on_failure step has {len(handlers)} rows"
    asked = run["status"] == "failed" or (run["status"] == "cancelled" and run["compensate"])
    undone = [step["step"] for step in sorted(recovery, key=lambda step: -step["scheduled_seq"])]
    if asked and undone != (wanted := to_undo(facts, workflow, steps)):
        yield f"it undid {undone} and not {wanted}"


def to_undo(facts: Facts, workflow: Workflow, steps: Sequence[Row]) -> list[str]:
    """Return what is to be undone, in order: back to the last irreversible step that completed, or may have."""
    own = [step for step in steps if step["kind"] == StepRunKind.STEP and step["finished_at"] is not None]
    completed = [step for step in own if step["status"] == "completed"]
    stops = [step for step in own if _irreversible(workflow, step) and (step in completed or _cut_short(facts, step))]
    stop = max((_position(step, completed) for step in stops), default=-1.0)
    return [
        row["step"]
        for row in sorted(completed, key=lambda step: -step["completed_seq"])
        if row["completed_seq"] > stop and _compensated(workflow, row) and not _stands_elsewhere(facts, row)
    ]


def _irreversible(workflow: Workflow, row: Row) -> bool:
    action = workflow.steps[row["step"]].action
    return isinstance(action, Uses) and action.irreversible


def _compensated(workflow: Workflow, row: Row) -> bool:
    action = workflow.steps[row["step"]].action
    return isinstance(action, Uses) and action.compensate is not None


def _cut_short(facts: Facts, row: Row) -> bool:
    """Whether a call was begun and nobody knows how it ended."""
    if row["begun_at"] is None or row["status"] not in {"failed", "cancelled"}:
        return False
    last = facts.attempts.get(row["id"], [])[-1:]
    codes = {(attempt["error"] or {}).get("code") for attempt in last}
    return row["status"] == "cancelled" or bool(codes & {"worker_lost", "step_timed_out"})


def _position(row: Row, completed: Sequence[Row]) -> float:
    """Return where a step ended among the completed; what was cancelled, when it was."""
    if row["completed_seq"] is not None:
        return float(row["completed_seq"])
    before = [other["completed_seq"] for other in completed if other["finished_at"] <= row["finished_at"]]
    return max(before, default=0) + 0.5


def _stands_elsewhere(facts: Facts, row: Row) -> bool:
    """Whether a carried step's effect is that of a completed run."""
    origin = row.get("origin_id")  # a run in memory replays nothing
    if origin is None:
        return False
    others = [other for other in facts.rows["steps"] if origin in {other["id"], other.get("origin_id")}]
    return any(facts.runs[other["run_id"]]["status"] == "completed" for other in others if other["kind"] == 0)


def _order(recovery: Sequence[Row]) -> Iterator[str]:
    """Yield where the compensations did not end in the reverse order of what they undo."""
    ended = [step for step in recovery if step["completed_seq"] is not None]
    by_end = [step["step"] for step in sorted(ended, key=lambda step: step["completed_seq"])]
    by_origin = [step["step"] for step in sorted(ended, key=lambda step: -step["scheduled_seq"])]
    if by_end != by_origin:
        yield f"compensations ended as {by_end} and not as {by_origin}"
    under_way = [step["step"] for step in recovery if step["status"] in {"pending", "running"}]
    if len(under_way) > 1:
        yield f"compensations {under_way} are under way at once"
