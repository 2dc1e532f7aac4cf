"""A run that failed has undone what it had done: each step once, the last completed first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.model.definition import Uses
from squidmesh.model.state import StepRunKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from squidmesh.model.definition import Workflow
    from tests.invariants.facts import Facts, Row


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
    if asked and undone != to_undo(workflow, steps):
        yield f"it undid {undone} and not {to_undo(workflow, steps)}"


def to_undo(workflow: Workflow, steps: Sequence[Row]) -> list[str]:
    """Return what is to be undone, in order: back to the last completed irreversible step."""
    completed = [step for step in steps if step["kind"] == StepRunKind.STEP and step["status"] == "completed"]
    found = []
    for row in sorted(completed, key=lambda step: -step["completed_seq"]):
        action = workflow.steps[row["step"]].action
        if isinstance(action, Uses) and action.irreversible:
            break
        if isinstance(action, Uses) and action.compensate:
            found.append(row["step"])
    return found


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
