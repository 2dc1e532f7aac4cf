"""What a replay carries over, where it begins, and what it would repeat. Pure; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.model.definition import Shape, Uses
from squidmesh.model.graph import Graph, reach
from squidmesh.model.state import StepStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from squidmesh.model.definition import Workflow

_SETTLED = (StepStatus.COMPLETED, StepStatus.SKIPPED, StepStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStep:
    """What became of a step in the run that is replayed.

    ``interrupted`` says that its call was begun and cut short, ``undone`` that its compensation was begun;
    ``carrier`` is an open replay that has carried it over.
    """

    step: str
    status: StepStatus
    scheduled_seq: int | None
    completed_seq: int | None
    interrupted: bool = False
    undone: bool = False
    carrier: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A replay from a step: what is ``carried`` over, in the order in which it ended, and the sequence so far."""

    step: str
    carried: tuple[PastStep, ...]
    seq: int

    @property
    def names(self) -> frozenset[str]:
        """The names of the steps carried over."""
        return frozenset(past.step for past in self.carried)


class Refused(Exception):  # noqa: N818 - named for what happened, like the errors of the project
    """A replay cannot begin at the step that was named; the text says why."""


def plan_beginning(workflow: Workflow, past: Mapping[str, PastStep], name: str) -> Beginning:
    """Return what a replay from step ``name`` carries over; ``Refused`` if it cannot begin there.

    A routed run carries what ended before it came to the step. A dependency-based one carries everything that
    ended well and does not come after the step, so that parallel branches are not repeated either. What it carries
    over it may have to undo, and an effect is undone once: no step with a compensation is carried that an open replay
    has carried over.
    """
    if workflow.shape is Shape.ROUTED:
        carried = _carried_routed(past, name)
    else:
        carried = _carried_dependencies(workflow, past, name)
    undone = [item.step for item in carried if item.undone]
    if undone:
        raise Refused(f"{_listed(undone)} before it was undone; begin there or earlier")
    for item in sorted(carried, key=lambda item: item.completed_seq or 0):
        if item.carrier is not None and _is_undoable(workflow, item):
            what = f"run {item.carrier} has carried over step {item.step!r} and may still undo it"
            raise Refused(f"{what}: let it end, or cancel it")
    seqs = [item.completed_seq or 0 for item in carried]
    order = sorted(carried, key=lambda item: item.completed_seq or 0)
    return Beginning(step=name, carried=tuple(order), seq=max(seqs, default=0))


def _is_undoable(workflow: Workflow, item: PastStep) -> bool:
    action = workflow.steps[item.step].action
    return item.status is StepStatus.COMPLETED and isinstance(action, Uses) and action.compensate is not None


def _carried_routed(past: Mapping[str, PastStep], name: str) -> list[PastStep]:
    reached = past.get(name)
    if reached is None or reached.scheduled_seq is None:
        raise Refused("the run never came to it")
    return [
        item
        for item in past.values()
        if item.step != name
        and item.status in _SETTLED
        and item.completed_seq is not None
        and item.completed_seq <= reached.scheduled_seq
    ]


def _carried_dependencies(workflow: Workflow, past: Mapping[str, PastStep], name: str) -> list[PastStep]:
    graph = Graph(workflow)
    again = reach([name], graph.dependents)
    carried = [item for item in past.values() if item.step not in again and _ended_well(workflow, item)]
    kept = {item.step for item in carried}
    missing = [step for step in workflow.steps if step in graph.ancestors(name) and step not in kept]
    if missing:
        raise Refused(f"{_listed(missing)} before it did not end well; begin there")
    return carried


def _ended_well(workflow: Workflow, item: PastStep) -> bool:
    """Whether what waits for a step could go on: a failure counts if the workflow allows it."""
    if item.status is StepStatus.FAILED:
        return workflow.steps[item.step].allow_failure
    return item.status in _SETTLED


def repeated_for_good(past: Iterable[PastStep], workflows: Sequence[Workflow], carried: Collection[str]) -> list[str]:
    """Return the steps that a replay would repeat although their effects cannot be undone, in order of completion.

    A step counts if it completed, or was begun and cut short, and any of ``workflows`` (the definition of the run,
    and the one that its replay runs on) says that it is irreversible or not compensatable. One that the newer
    definition does not have any more counts too: it may have got another name.
    """
    found = [
        item
        for item in past
        if item.step not in carried
        and (item.status is StepStatus.COMPLETED or item.interrupted)
        and any(_final(workflow, item.step) for workflow in workflows)
    ]
    return [item.step for item in sorted(found, key=lambda item: item.completed_seq or 0)]


def _final(workflow: Workflow, name: str) -> bool:
    step = workflow.steps.get(name)
    if step is None or not isinstance(step.action, Uses):
        return False
    return step.action.irreversible or not step.action.compensatable


def safe_beginning(workflow: Workflow, past: Mapping[str, PastStep], failed: str | None) -> str | None:
    """Return a step from which a replay repeats nothing final: the one that failed, else the first; None without."""
    reached = sorted(past.values(), key=lambda item: (item.scheduled_seq is None, item.scheduled_seq or 0))
    names = dict.fromkeys(name for name in (failed, *(item.step for item in reached)) if name is not None)
    for name in names:
        if name not in past:
            continue
        try:
            beginning = plan_beginning(workflow, past, name)
        except Refused:
            continue
        if not repeated_for_good(past.values(), [workflow], beginning.names):
            return name
    return None


def _listed(names: Sequence[str]) -> str:
    return f"step {names[0]!r}" if len(names) == 1 else f"one of the steps {', '.join(map(repr, names))}"
