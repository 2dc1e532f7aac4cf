"""The shape of a workflow."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from squidmesh.model.definition import Log, Routes, Shape, Step, Transition, Trigger, Workflow
from squidmesh.model.graph import Graph, reach

LOG = Log(message="x")


def routed(**targets: list[str]) -> Graph:
    """Return the graph of a routed workflow: step name to the steps its ``ok`` routes name."""
    steps = {
        name: Step(action=LOG, next=Routes(ok=tuple(Transition(to=to) for to in to_list)))
        for name, to_list in targets.items()
    }
    return Graph(Workflow(name="w", triggers={"manual": Trigger()}, steps=steps))


def dependent(**after: list[str]) -> Graph:
    """Return the graph of a dependency-based workflow: step name to the steps it waits for."""
    steps = {name: Step(action=LOG, after=tuple(names)) for name, names in after.items()}
    return Graph(Workflow(name="w", triggers={"manual": Trigger()}, steps=steps))


def test_edges_of_a_routed_workflow():
    """Successors keep their order, each once; ends and unknown names are no edges."""
    graph = routed(a=["c", "b", "c", "complete", "nowhere"], b=["fail"], c=["b"])
    assert graph.shape is Shape.ROUTED
    assert graph.successors == {"a": ("c", "b"), "b": (), "c": ("b",)}
    assert graph.predecessors == {"a": (), "b": ("a", "c"), "c": ("a",)}
    assert graph.entries == ("a",)


def test_every_outcome_is_an_edge():
    """Error and deadline routes lead somewhere too."""
    routes = Routes(ok=(Transition(to="b"),), error=(Transition(to="c"),), deadline=(Transition(to="d"),))
    end = Step(action=LOG, next=Routes(ok=(Transition(to="complete"),)))
    steps = {"a": Step(action=LOG, next=routes), "b": end, "c": end, "d": end}
    graph = Graph(Workflow(name="w", triggers={}, steps=steps))
    assert graph.successors["a"] == ("b", "c", "d")


def test_edges_of_a_dependency_based_workflow():
    """What a step waits for leads to it; a name given twice or unknown counts once or not."""
    graph = dependent(a=[], b=[], c=["a", "b", "a", "nowhere"], d=["c"])
    assert graph.shape is Shape.DEPENDENCY
    assert graph.successors == graph.dependents == {"a": ("c",), "b": ("c",), "c": ("d",), "d": ()}
    assert graph.entries == ("a", "b")
    assert graph.ancestors("d") == {"a", "b", "c"}
    assert graph.ancestors("a") == frozenset()


def test_siblings_are_no_ancestors():
    """A step sees what it waits for and nothing beside it."""
    graph = dependent(root=[], left=["root"], right=["root"], join=["left"])
    assert graph.ancestors("join") == {"root", "left"}


def test_a_cycle_is_a_path_that_comes_back():
    """The cycle starts and ends with the same step and follows edges."""
    assert routed(a=["b"], b=["c"], c=["d"], d=["b"]).cycle() == ("b", "c", "d", "b")
    assert routed(a=["a"]).cycle() == ("a", "a")
    assert dependent(a=["b"], b=["a"]).cycle() in {("a", "b", "a"), ("b", "a", "b")}


def test_a_diamond_is_no_cycle():
    """Two ways to one step are legal."""
    assert routed(a=["b", "c"], b=["d"], c=["d"], d=["complete"]).cycle() is None


def test_unreachable_steps_are_told_by_what_is_reachable():
    """Reachability follows edges from the entries; a ring beside them is not reached."""
    assert routed(a=["b"], b=[], x=["y"], y=["x"]).reachable() == {"a", "b"}


def test_a_chain_of_thousands_needs_no_stack():
    """Neither cycles nor ancestors are found by recursion."""
    steps = {f"s{n}": [f"s{n + 1}"] for n in range(5000)} | {"s5000": ["complete"]}
    graph = routed(**steps)
    assert graph.cycle() is None
    assert len(graph.ancestors("s5000")) == 5000


NAMES = [f"s{n}" for n in range(6)]
EDGES = st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=3) for name in NAMES})


def closure(edges: dict[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    """Return every pair of steps of which the first leads to the second, by brute force."""
    pairs = {(source, target) for source, targets in edges.items() for target in targets}
    while True:
        more = {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs
        if not more:
            return pairs
        pairs |= more


@given(EDGES)
def test_any_graph_agrees_with_its_closure(edges: dict[str, list[str]]):
    """A cycle is found exactly if some step leads to itself, and ancestors are the closure backwards."""
    graph = routed(**edges)
    pairs = closure(dict(graph.successors))
    found = graph.cycle()
    assert (found is not None) == any(a == b for a, b in pairs)
    if found:
        assert found[0] == found[-1]
        assert all(b in graph.successors[a] for a, b in itertools.pairwise(found))
    for name in NAMES:
        assert graph.ancestors(name) == {a for a, b in pairs if b == name}
        assert reach([name], graph.successors) == {b for a, b in pairs if a == name} | {name}
