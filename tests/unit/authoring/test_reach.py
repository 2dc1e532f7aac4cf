"""Which steps may have run before which."""

from __future__ import annotations

import gc
import weakref

from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.reach import Reach
from squidmesh.model.definition import Step, Trigger, Uses, Workflow
from squidmesh.model.graph import Graph


def graph(**after: tuple[str, ...]) -> Graph:
    """Return a graph of steps that wait for steps."""
    steps = {name: Step(action=Uses(step_type="x"), after=before) for name, before in after.items()}
    return Graph(Workflow(name="x", triggers={"t": Trigger()}, steps=steps))


def before(reach: Reach, step: str) -> set[str]:
    """Return the steps before ``step`` by name."""
    return {name for name in reach.names if reach.before(step) & reach.bits[name]}


def test_agrees_with_walking_the_graph() -> None:
    """The bit sets hold exactly the ancestors."""
    drawn = graph(a=(), b=("a",), c=("a",), d=("b", "c"), alone=(), e=("d", "alone"))
    reach = Reach(drawn)
    assert all(before(reach, name) == drawn.ancestors(name) for name in reach.names)


def test_a_cycle_counts_as_before_everything() -> None:
    """Steps on a cycle, and behind one, could see anything: the cycle itself is what is reported."""
    reach = Reach(graph(a=(), b=("a", "c"), c=("b",), d=("c",)))
    assert before(reach, "a") == set()
    assert before(reach, "b") == before(reach, "d") == {"a", "b", "c", "d"}


def test_the_first_of_a_set_is_first_in_the_file() -> None:
    """Messages name the step that a reader meets first."""
    reach = Reach(graph(a=(), b=(), c=()))
    assert reach.first(reach.mask(["c", "b"])) == "b"


def test_what_is_remembered_of_a_file_goes_with_it() -> None:
    """A process that checks thousands of files keeps none of them."""
    seen: list[weakref.ref[Graph]] = []
    made = Graph.__init__

    def remember(self: Graph, workflow: Workflow) -> None:
        made(self, workflow)
        seen.append(weakref.ref(self))

    Graph.__init__ = remember  # type: ignore[method-assign] # put back below
    try:
        lint_text(
            "workflow: x\ntriggers: {t: {manual: {}}}\nsteps: {a: {uses: b, when: now > now, next: complete}}\n", "x"
        )
    finally:
        Graph.__init__ = made  # type: ignore[method-assign] # as it was
    gc.collect()
    assert len(seen) == 1
    assert seen[0]() is None
