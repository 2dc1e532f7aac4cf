"""SM707: a run has time for its own waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Approval, Pause, Wait
from squidmesh.model.duration import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import Step
    from squidmesh.model.graph import Graph


_LISTED = 5


def _check(subject: Subject) -> Iterator[Diagnostic]:
    timeout = subject.workflow.timeout
    if timeout is None or is_mixed(subject) or subject.graph.cycle():
        return
    steps = subject.workflow.steps
    length, path = _longest(subject.graph, {name: _waits(step) for name, step in steps.items()})
    if length > timeout:
        names = " and ".join(path) if len(path) <= _LISTED else f"{len(path)} steps from {path[0]} to {path[-1]}"
        message = (
            f"the waits and deadlines of {names} add up to {format_duration(length)}, so the run may time "
            f"out after {format_duration(timeout)} while it waits as it should"
        )
        yield subject.document.diagnostic("SM707", message, ("timeout",), severity=Severity.WARNING)


def _waits(step: Step) -> timedelta:
    match step.action:
        case Wait(duration=timedelta() as length) | Pause(deadline=timedelta() as length):
            return length
        case Approval(deadline=timedelta() as length):
            return length
        case _:
            return timedelta()


def _longest(graph: Graph, waits: dict[str, timedelta]) -> tuple[timedelta, list[str]]:
    """Return the path of most waiting and the steps that wait on it, in an acyclic graph."""
    total: dict[str, timedelta] = {}
    came_from: dict[str, str | None] = {}
    open_edges = {name: len(sources) for name, sources in graph.predecessors.items()}
    todo = [name for name, count in open_edges.items() if not count]
    for name in todo:
        source = max(graph.predecessors[name], key=total.__getitem__, default=None)
        came_from[name] = source
        total[name] = waits[name] + (total[source] if source else timedelta())
        for target in graph.successors[name]:
            open_edges[target] -= 1
            if not open_edges[target]:
                todo.append(target)
    step = max(total, key=total.__getitem__, default=None)
    longest = total[step] if step else timedelta()
    path = []
    while step:
        if waits[step]:
            path.append(step)
        step = came_from[step]
    return longest, path[::-1]


_GOOD = """\
workflow: shop.refund
timeout: 5d
triggers:
  by_hand: {manual: {}}
steps:
  cool_down: {wait: 1d, next: decide}
  decide:
    approval: {title: Refund this order?, deadline: 3d, on_deadline: reject}
    next: {ok: refund, error: complete}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM707",
    name="short-timeout",
    severity=Severity.WARNING,
    summary="A run's timeout is shorter than the waits and deadlines on one of its paths.",
    explanation=(
        "The timeout of a run counts paused and waiting time too. If it is shorter than what a path waits by its own "
        "declaration, runs that go as planned fail as run_timed_out and are compensated."
    ),
    bad=_GOOD.replace("timeout: 5d", "timeout: 2d"),
    good=_GOOD,
    check=_check,
)
