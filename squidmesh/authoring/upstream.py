"""What a place in a workflow may read: the payload, and the outputs of what may have run before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from squidmesh.authoring.outputs import Output, output_of, value_type
from squidmesh.authoring.reach import Reach
from squidmesh.errors import SquidMeshError
from squidmesh.expressions import Variables, VariableType
from squidmesh.model.definition import Approval, Pause, Shape
from squidmesh.model.graph import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.rules import Subject
    from squidmesh.model.graph import Graph
    from squidmesh.steps.contract import StepType


class Context(Mapping[str, VariableType]):
    """The names in the context at one place with their types; looked up one by one, listed only for messages."""

    def __init__(self, known: Provisions, before: int) -> None:
        self._known = known
        self._before = before

    def __getitem__(self, key: str) -> VariableType:
        kinds = {kind for bit, kind in self._known.providers.get(key, ()) if bit & self._before}
        if key in self._known.payload:
            kinds.add(self._known.payload[key])
        if not kinds:
            raise KeyError(key)
        return kinds.pop() if len(kinds) == 1 else VariableType.ANY

    def __iter__(self) -> Iterator[str]:
        yield from self._known.payload
        for name, stored in self._known.providers.items():
            if name not in self._known.payload and any(bit & self._before for bit, _ in stored):
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """What is known at one place.

    ``open`` is whether a step before merges keys that nobody declared, so that anything may be in the context;
    ``failure`` whether a failure may be known.
    """

    payload: Mapping[str, VariableType]
    context: Context
    open: bool
    failure: bool

    def provides(self, key: str) -> bool:
        """Return whether ``key`` can be in the context."""
        return self.open or key in self.context

    def variables(self) -> Variables:
        """Return what an expression may name here."""
        return Variables(payload=self.payload, context=None if self.open else self.context, failure=self.failure)


class Provisions:
    """What each step of a workflow provides, and what each place may read; computed once per workflow."""

    def __init__(self, subject: Subject) -> None:
        self._steps = subject.workflow.steps
        self.payload = _payload(subject)
        self.outputs: dict[str, Output] = {
            name: output_of(step, find_step_type(subject, step.step_type))
            for name, step in subject.workflow.steps.items()
        }
        self.reach = Reach(subject.graph)
        self._failing = _after_failures(subject.graph)
        self._open = self.reach.mask(name for name, output in self.outputs.items() if output.open)

    @cached_property
    def providers(self) -> Mapping[str, tuple[tuple[int, VariableType], ...]]:
        """For each output key the steps that store it, as bits, with the type of what they store."""
        found: dict[str, list[tuple[int, VariableType]]] = {}
        for name, output in self.outputs.items():
            for key, kind in output.keys.items():
                found.setdefault(key, []).append((self.reach.bits[name], kind))
        return {key: tuple(pairs) for key, pairs in found.items()}

    def provider(self, key: str) -> str | None:
        """Return the first step that stores something under ``key``, wherever it is."""
        pairs = self.providers.get(key)
        return self.reach.first(pairs[0][0]) if pairs else None

    def before(self, step: str) -> Upstream:
        """Return what ``step`` itself may read: of all that may have run before it."""
        return self._at(self.reach.before(step) & ~self.reach.bits[step], failure=step in self._failing)

    def after(self, step: str, outcome: str) -> Upstream:
        """Return what a route of ``step`` may read once it ended in ``outcome``."""
        decided = isinstance(self._steps[step].action, Pause | Approval)
        own = self.reach.bits[step] if outcome != "error" or decided else 0
        return self._at(self.reach.before(step) | own, failure=outcome == "error" or step in self._failing)

    def at_end(self) -> Upstream:
        """Return what the step ``on_failure`` may read."""
        return self._at(self.reach.everything, failure=True)

    def _at(self, before: int, *, failure: bool) -> Upstream:
        context = Context(self, before)
        return Upstream(payload=self.payload, context=context, open=bool(before & self._open), failure=failure)


def provisions(subject: Subject) -> Provisions:
    """Return what the subject's steps provide."""
    return subject.once(Provisions)


def find_step_type(subject: Subject, name: str) -> StepType | None:
    """Return the registered step type, or None if there is no registry, no such name, or it cannot be loaded."""
    if subject.registry is None:
        return None
    try:
        return subject.registry.get(name)
    except SquidMeshError:
        return None


def _after_failures(graph: Graph) -> frozenset[str]:
    """Return the steps that may run after some step failed."""
    steps = graph.workflow.steps
    if graph.shape is Shape.DEPENDENCY:
        starts = [target for name, step in steps.items() if step.allow_failure for target in graph.successors[name]]
    else:
        routes = [transition for step in steps.values() for transition in (step.next.error if step.next else ())]
        starts = [transition.to for transition in routes if transition.to in steps]
    return frozenset(reach(starts, graph.successors))


def _payload(subject: Subject) -> dict[str, VariableType]:
    """Return the fields of all triggers; those that a run may lack, or that differ, as ``ANY``."""
    found: dict[str, VariableType] = {}
    triggers = subject.workflow.triggers.values()
    for trigger in triggers:
        for name, declared in trigger.payload.items():
            everywhere = all(name in other.payload for other in triggers)
            given = declared.required or declared.has_default or declared.dynamic_default is not None
            kind = value_type(declared.type.value) if everywhere and given else VariableType.ANY
            found[name] = kind if found.get(name, kind) is kind else VariableType.ANY
    return found
