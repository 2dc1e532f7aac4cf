"""Where a workflow's steps lead, each edge with its place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.model.definition import RESERVED_STEPS, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.document import Place
    from squidmesh.authoring.rules import Subject
    from squidmesh.model.definition import Routes, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A route or a dependency of ``step``: the other step's name stands at ``path``.

    ``outcome`` is ``ok``, ``error``, ``deadline`` or, for a dependency, ``after``; ``index`` counts within it.
    """

    step: str
    outcome: str
    index: int
    name: str
    path: Place
    transition: Transition | None = None

    @property
    def when_path(self) -> Place:
        """Where the transition's condition stands."""
        return (*self.path[:-1], "when")


def edges(subject: Subject) -> Iterator[Edge]:
    """Yield every route and dependency in the order of the file; names that are not steps too."""
    for name, step in subject.workflow.steps.items():
        if step.next is not None:
            yield from routes(name, step.next, subject.document.data["steps"][name].get("next"))
        for index, dependency in enumerate(step.after):
            yield Edge(step=name, outcome="after", index=index, name=dependency, path=("steps", name, "after", index))


def routes(name: str, declared: Routes, data: Any) -> Iterator[Edge]:
    """Yield the routes of one step; ``data`` is its ``next`` in the file."""
    by_outcome = isinstance(data, dict) and "to" not in data
    for outcome, transitions in declared.by_outcome():
        place: Place = ("steps", name, "next", outcome) if by_outcome else ("steps", name, "next")
        given = data.get(outcome) if by_outcome else data
        for index, transition in enumerate(transitions):
            path = place
            if isinstance(given, list):
                path = (*place, index, "to")
            elif isinstance(given, dict):
                path = (*place, "to")
            yield Edge(step=name, outcome=outcome, index=index, name=transition.to, path=path, transition=transition)


def is_mixed(subject: Subject) -> bool:
    """Return whether both ``next`` and ``after`` occur, so that nothing can be said about the order of steps."""
    return subject.graph.shape is Shape.ROUTED and any(step.after for step in subject.workflow.steps.values())


def has_unknown_target(subject: Subject) -> bool:
    """Return whether an edge leads nowhere, so that what seems to be missing may only be misspelt."""
    known = {*subject.workflow.steps, *RESERVED_STEPS}
    return any(edge.name not in known for edge in edges(subject))
