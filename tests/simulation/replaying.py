"""Replays in memory: what is refused, what is carried over from a run that has ended, and how the new run begins."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import Shape
from squidmesh.model.state import StepRunKind, StepStatus
from squidmesh.runtime.replay import FAILED, _live, _start_at
from squidmesh.runtime.replay_plan import PastStep, Refused, plan_beginning, repeated_for_good
from squidmesh.runtime.start import first_start
from tests.simulation.memory import RefusedError
from tests.simulation.slow import origin_of

if TYPE_CHECKING:
    from uuid import UUID

    from squidmesh.runtime.replay_plan import Beginning
    from tests.simulation.memory import Memory
    from tests.simulation.rows import Row
    from tests.simulation.world import World

_STEP = int(StepRunKind.STEP)


def replay(world: World, number: int, *, from_step: str | None, allow: bool, latest: bool) -> int:
    """Start the run that replays an ended one, and return its number; ``RefusedError`` if that must not be."""
    old = world.runs[number]
    if old.run["finished_at"] is None:
        raise RefusedError
    past = _past_steps(old)
    target = world.newest if latest and from_step is None else old.definition
    beginning = _beginning(old, past, from_step) if from_step is not None else None
    carried = beginning.names if beginning is not None else frozenset()
    repeated = repeated_for_good(past.values(), [old.definition.workflow, target.workflow], carried)
    if repeated and not allow:
        raise RefusedError
    start = first_start(target, old.run["trigger"], json.dumps(old.run["payload"]))
    schedule = json.dumps(old.run["schedule"]) if old.run["schedule"] else None
    start = replace(start, run=replace(start.run, replayed_from=old.run["id"], schedule=schedule))
    if beginning is None:
        made = world.add(target, start)
    else:
        made = world.add(target, _start_at(start, target, beginning))
        _carry(old, world.runs[made], beginning)
    old.add_event("replayed", beginning.step if beginning is not None else None)
    world.note_moves()
    return made


def _past_steps(old: Memory) -> dict[str, PastStep]:
    rows = [row for row in old.steps.values() if row["kind"] == _STEP]
    return {
        row["step"]: PastStep(
            step=row["step"],
            status=StepStatus(row["status"]),
            scheduled_seq=row["scheduled_seq"],
            completed_seq=row["completed_seq"],
            interrupted=row["status"] in {"failed", "cancelled"} and old.interrupted(row),
            undone=any(other["attempt"] > 0 for other in _compensations(old, origin_of(row))),
            carrier=_open_carrier(old, row),
        )
        for row in rows
    }


def _compensations(old: Memory, origin: Any) -> list[Row]:
    rows = [row for run in old.among for row in run.steps.values()]
    return [row for row in rows if row["kind"] == StepRunKind.COMPENSATION and row["origin_id"] == origin]


def _beginning(old: Memory, past: dict[str, PastStep], from_step: str) -> Beginning:
    workflow, run = old.definition.workflow, old.run
    if from_step == FAILED:
        if run["status"] != "failed":
            raise RefusedError
        from_step = (run["failure"] or {}).get("step") or run["current_step"]
    if from_step not in workflow.steps:
        raise RefusedError
    try:
        return plan_beginning(workflow, past, from_step)
    except Refused as refusal:
        raise RefusedError from refusal


def _open_carrier(old: Memory, row: Row) -> UUID | None:
    """Return an open run that has carried a step over."""
    open_runs = [run for run in old.among if run.run["finished_at"] is None]
    rows = [other for run in open_runs for other in run.steps.values() if other["kind"] == _STEP]
    return next((other["run_id"] for other in rows if other["origin_id"] == origin_of(row)), None)


def _carry(old: Memory, new: Memory, beginning: Beginning) -> None:
    """Copy what ended, and let the new run go on after it."""
    failures = {}
    for item in beginning.carried:
        row = old.steps[item.step, _STEP]
        failure = old.failure_of(item.step)
        if failure is not None:
            failures[item.step] = failure
        kept = ("status", "live_deps", "output", "completed_seq", "scheduled_seq")
        new.add_step(
            item.step,
            StepRunKind.STEP,
            row["lane"],
            **{column: row[column] for column in kept},
            output_text=row.get("output_text"),
            origin_id=origin_of(row),
            resume={"failure": failure} if failure is not None else None,
            finished_at=new.now,
        )
    routed = old.definition.workflow.shape is Shape.ROUTED
    new.run["seq"] = beginning.seq
    new.run["failure"] = next(reversed(failures.values()), None) if routed else None
    for row in new.steps.values():
        if row["finished_at"] is None:
            row["live_deps"] = _live(new.definition, row["step"], beginning)
            row["scheduled_seq"] = beginning.seq if row["open_deps"] == 0 else None
