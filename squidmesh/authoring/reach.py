"""Which steps may have run before which, as bit sets: thousands of steps cost megabytes, not gigabytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from squidmesh.model.graph import Graph


class Reach:
    """The ancestors of every step, bit n standing for the n-th step of the file.

    Where steps form a cycle, which is an error of its own, everything counts as before everything.
    """

    def __init__(self, graph: Graph) -> None:
        self.names = tuple(graph.workflow.steps)
        self.bits: Mapping[str, int] = {name: 1 << position for position, name in enumerate(self.names)}
        self._before = self._follow(graph)

    def before(self, step: str) -> int:
        """Return the steps from which a path leads to ``step``."""
        return self._before.get(step, self.everything)

    @property
    def everything(self) -> int:
        """All steps."""
        return (1 << len(self.names)) - 1

    def mask(self, names: Iterable[str]) -> int:
        """Return these steps as a bit set."""
        found = 0
        for name in names:
            found |= self.bits[name]
        return found

    def first(self, mask: int) -> str:
        """Return the step of a bit set, not empty, that stands first in the file."""
        return self.names[(mask & -mask).bit_length() - 1]

    def _follow(self, graph: Graph) -> dict[str, int]:
        """Return the ancestors in topological order; steps on a cycle and behind one are left out."""
        waiting = {name: len(sources) for name, sources in graph.predecessors.items()}
        todo = [name for name, count in waiting.items() if not count]
        found = dict.fromkeys(todo, 0)
        for name in todo:
            inherited = found[name] | self.bits[name]
            for target in graph.successors[name]:
                found[target] = found.get(target, 0) | inherited
                waiting[target] -= 1
                if not waiting[target]:
                    todo.append(target)
        return {name: found[name] for name in todo}
