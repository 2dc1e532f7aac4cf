"""SM304: no step comes after itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import edges, is_mixed
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    graph = subject.graph
    cycle = graph.cycle()
    if is_mixed(subject) or cycle is None or len(cycle) == 2:  # noqa: PLR2004 - a step that names itself is SM309
        return
    routed = graph.shape is Shape.ROUTED
    if routed and (not graph.entries or cycle[0] not in graph.reachable()):
        return  # SM301 and SM305 say so
    path = " -> ".join(cycle)
    # The edge that closes the cycle is written at its source if it is a route, else at the step that waits.
    holder, named = (cycle[-2], cycle[-1]) if routed else (cycle[-1], cycle[-2])
    remedy = "a routed workflow never goes back" if routed else "none of these could ever start"
    for edge in edges(subject):
        if (edge.step, edge.name) == (holder, named):
            yield subject.document.diagnostic("SM304", f"this closes a cycle: {path}; {remedy}", edge.path)
            return


_GOOD = """\
workflow: shop.order
triggers:
  by_hand: {manual: {}}
steps:
  reserve: {uses: shop.reserve, next: charge}
  charge: {uses: shop.charge, next: ship}
  ship: {uses: shop.ship, next: complete}
"""

RULE = Rule(
    code="SM304",
    name="cycle",
    severity=Severity.ERROR,
    summary="Steps lead back to a step that has run already, or wait for each other.",
    explanation=(
        "A run visits each step at most once: that is what makes its history, its compensation and its end certain. "
        "To poll or to try again, let the step raise RetryStep under a retry policy. Steps that wait for each other "
        "would never start."
    ),
    bad=_GOOD.replace("next: complete", "next: charge"),
    good=_GOOD,
    check=_check,
)
