"""The shape of a workflow: who follows whom, where it starts, what a step may see."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from squidmesh.model.definition import RESERVED_STEPS, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from squidmesh.model.definition import Workflow


class Graph:
    """The edges of a workflow, computed once; names that are not steps are ignored.

    It accepts graphs that are not valid yet (unknown targets, cycles), because the linter asks it too.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow

    @cached_property
    def shape(self) -> Shape:
        """The workflow's shape."""
        return self.workflow.shape

    @cached_property
    def successors(self) -> Mapping[str, tuple[str, ...]]:
        """For each step the steps that an edge leads to, in order of declaration, each once."""
        if self.shape is Shape.DEPENDENCY:
            return self.dependents
        return {
            name: tuple(
                dict.fromkeys(
                    transition.to
                    for transition in (step.next.all() if step.next else ())
                    if transition.to not in RESERVED_STEPS and transition.to in self.workflow.steps
                )
            )
            for name, step in self.workflow.steps.items()
        }

    @cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """For each step the steps that wait for it (``after``)."""
        found: dict[str, list[str]] = {name: [] for name in self.workflow.steps}
        for name, step in self.workflow.steps.items():
            for dependency in dict.fromkeys(step.after):
                if dependency in found:
                    found[dependency].append(name)
        return {name: tuple(names) for name, names in found.items()}

    @cached_property
    def predecessors(self) -> Mapping[str, tuple[str, ...]]:
        """The edges of ``successors``, backwards."""
        found: dict[str, list[str]] = {name: [] for name in self.workflow.steps}
        for name, targets in self.successors.items():
            for target in targets:
                found[target].append(name)
        return {name: tuple(names) for name, names in found.items()}

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """The steps that nothing leads to: all roots, or the one entry of a routed workflow."""
        return tuple(name for name, sources in self.predecessors.items() if not sources)

    def ancestors(self, step: str) -> frozenset[str]:
        """Return every step from which a path leads to ``step``: all that may have run before it."""
        known = self._ancestors.get(step)
        if known is None:
            known = self._ancestors[step] = frozenset(reach(self.predecessors[step], self.predecessors))
        return known

    @cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        return {}

    def reachable(self) -> frozenset[str]:
        """Return every step that a path from an entry leads to."""
        return frozenset(reach(self.entries, self.successors))

    def cycle(self) -> tuple[str, ...] | None:
        """Return one cycle as a path whose first and last step are the same, or None."""
        done: set[str] = set()
        for start in self.workflow.steps:
            found = _cycle_from(start, self.successors, done)
            if found:
                return found
        return None


def reach(starts: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return ``starts`` and everything that ``edges`` lead to from them."""
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(edges[name])
    return seen


def _cycle_from(start: str, edges: Mapping[str, tuple[str, ...]], done: set[str]) -> tuple[str, ...] | None:
    """Walk depth-first without recursion; ``done`` collects steps known to lead into no cycle."""
    path: dict[str, None] = {}
    stack: list[tuple[str, int]] = [(start, 0)]
    while stack:
        name, position = stack.pop()
        if position == 0:
            if name in done:
                continue
            path[name] = None
        targets = edges[name]
        if position < len(targets):
            stack.append((name, position + 1))
            target = targets[position]
            if target in path:
                names = list(path)
                return (*names[names.index(target) :], target)
            stack.append((target, 0))
        else:
            done.add(name)
            path.pop(name, None)
    return None
