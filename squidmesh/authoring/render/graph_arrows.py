"""What every drawing of a workflow shows: its arrows, with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.definition import RESERVED_STEPS, Approval, Pause, Shape, Wait
from squidmesh.model.duration import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import Recovery, Step, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A line from one step to another, or to ``complete`` or ``fail``; ``outcome`` is empty for dependencies."""

    source: str
    target: str
    outcome: str = ""
    when: str | None = None
    recovery: Recovery | None = None

    @property
    def label(self) -> str:
        """What stands on the arrow; a plain ``ok`` says nothing that an arrow does not."""
        outcome = "" if self.outcome == "ok" else self.outcome
        if self.recovery:
            outcome += f" (recovery: {self.recovery})"
        return " if ".join(part for part in (outcome, self.when) if part) if outcome else self.when or ""


def arrows(workflow: Workflow) -> Iterator[Arrow]:
    """Yield the arrows in the order of the file."""
    for name, step in workflow.steps.items():
        for dependency in step.after:
            yield Arrow(source=dependency, target=name)
        yield from ways(name, step)


def ways(name: str, step: Step) -> Iterator[Arrow]:
    """Yield the arrows of a step's routes."""
    for outcome, transitions in step.next.by_outcome() if step.next else ():
        for way in transitions:
            yield Arrow(source=name, target=way.to, outcome=outcome, when=way.when, recovery=way.recovery)


def endings(workflow: Workflow) -> tuple[str, ...]:
    """Return which of ``complete`` and ``fail`` some arrow leads to; ``on_failure`` comes after every ``fail``."""
    reached = {arrow.target for arrow in arrows(workflow)}
    if workflow.on_failure is not None:
        reached.add("fail")
    return tuple(name for name in RESERVED_STEPS if name in reached)


def heading(workflow: Workflow) -> str:
    """Return name, shape and size of a workflow in one line."""
    count = len(workflow.steps)
    shape = "routed" if workflow.shape is Shape.ROUTED else "dependency-based"
    return f"{workflow.name}: {count} step{'' if count == 1 else 's'}, {shape}"


def title(workflow: Workflow) -> str | None:
    """Return what stands above a drawing: name and description, or None for a workflow that has no description."""
    words = " ".join((workflow.description or "").split())
    return f"{workflow.name}: {words}" if words else None


def subtitle(step: Step) -> str:
    """Return what a step does, in a few words."""
    match step.action:
        case Wait(duration=length) if length is not None:
            return f"wait {format_duration(length)}"
        case Wait(until=path):
            return f"wait until {path}"
        case Pause(deadline=length) | Approval(deadline=length):
            return step.step_type + (f", deadline {format_duration(length)}" if length else "")
        case _:
            return step.step_type


def caption(step: Step) -> tuple[str, ...]:
    """Return the lines below a step's name in a drawing: what it does, and under which condition."""
    return (subtitle(step), f"when {step.when}") if step.when else (subtitle(step),)
