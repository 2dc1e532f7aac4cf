"""What the engine does about an outcome, as plain values; the store applies them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.model.state import Goal, StepStatus

if TYPE_CHECKING:
    from squidmesh.model.definition import Recovery, Transition
    from squidmesh.model.gate import PauseReason
    from squidmesh.model.outcome import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """The step ends as ``status`` and the run goes on.

    ``enter`` is the routed successor (None: the run completes, or this is a dependency-based run, where
    every dependent is told). ``failure`` is set when an ``error`` route was taken: it becomes the run's.
    ``alive`` is what a join counts: False only for a skip. ``chosen`` is the transition that was taken where
    conditions had to be asked.
    """

    status: StepStatus
    enter: str | None = None
    failure: Failure | None = None
    recovery: Recovery | None = None
    alive: bool = True
    chosen: Transition | None = None
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The step is due again after ``delay``; ``lost`` counts the attempt as a loss."""

    failure: Failure
    delay: timedelta
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The step ends as ``status`` and the run stops for ``failure``, to end as ``goal``.

    ``earlier`` says that the failure is the one that the run has met already: it keeps its step and attempts.
    """

    status: StepStatus
    failure: Failure
    goal: Goal = Goal.FAILED
    earlier: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """The step is paused until a person decides; ``failure`` is that of an attempt that was interrupted."""

    reason: PauseReason
    failure: Failure | None = None


Decision = Advance | Retry | Stop | Suspend
