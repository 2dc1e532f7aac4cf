"""SM305: every step of a routed workflow can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import has_unknown_target, is_mixed
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    graph = subject.graph
    if graph.shape is Shape.DEPENDENCY or is_mixed(subject) or has_unknown_target(subject) or not graph.entries:
        return
    reachable = graph.reachable()
    for name in subject.workflow.steps:
        sources = [source for source in graph.predecessors[name] if source != name]
        if name not in reachable and sources:
            message = (
                f"no run can reach {name!r}: it follows only {', '.join(sources)}, which no run reaches either; "
                f"add a route that leads here from {graph.entries[0]!r}"
            )
            yield subject.document.diagnostic("SM305", message, ("steps", name), on="key")


_GOOD = """\
workflow: shop.order
triggers:
  by_hand: {manual: {}}
steps:
  reserve: {uses: shop.reserve, next: ship}
  ship: {uses: shop.ship, next: inform}
  inform: {uses: shop.inform, next: complete}
"""

RULE = Rule(
    code="SM305",
    name="unreachable-step",
    severity=Severity.ERROR,
    summary="No path from the first step leads to a step.",
    explanation="A step that no run can reach is most often one whose route was lost in an edit.",
    bad=_GOOD.replace("next: ship", "next: complete").replace("inform, next: complete", "inform, next: ship"),
    good=_GOOD,
    check=_check,
)
