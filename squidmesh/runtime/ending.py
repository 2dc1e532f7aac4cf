"""How a step ends where nothing follows it: in a run that stops, or recovers."""

from __future__ import annotations

from typing import assert_never

from squidmesh.model.gate import Way
from squidmesh.model.outcome import (
    Decided,
    Deferred,
    Failed,
    Lost,
    Outcome,
    Reached,
    Released,
    Skipped,
    Succeeded,
)
from squidmesh.model.state import StepStatus


def terminal_status(outcome: Outcome) -> StepStatus:
    """Return the status that an outcome ends a step in."""
    match outcome:
        case Succeeded():
            return StepStatus.COMPLETED
        case Skipped():
            return StepStatus.SKIPPED
        case Failed() | Lost():
            return StepStatus.FAILED
        case Decided(way=way):
            return StepStatus.COMPLETED if way in {Way.OK, Way.DEADLINE} else StepStatus.FAILED
        case Released() | Deferred() | Reached():
            return StepStatus.CANCELLED
        case unknown:
            assert_never(unknown)
