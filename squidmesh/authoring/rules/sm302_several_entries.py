"""SM302: a routed workflow has one step to start with."""

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
    if graph.shape is Shape.DEPENDENCY or is_mixed(subject) or has_unknown_target(subject):
        return
    for name in graph.entries[1:]:
        message = (
            f"no route leads to {name!r}, and the workflow starts at {graph.entries[0]!r} already; "
            f"add a route to it or remove it"
        )
        first = subject.document.key_span(("steps", graph.entries[0]))
        related = (("the workflow starts here", first),)
        yield subject.document.diagnostic("SM302", message, ("steps", name), on="key", related=related)


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  load: {uses: billing.load_invoice, next: remind}
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM302",
    name="several-entries",
    severity=Severity.ERROR,
    summary="A routed workflow has more than one step that no route targets.",
    explanation=(
        "A routed run starts at the one step that no route targets. With two of them it is not said where to start, "
        "and most often one has only lost its route in an edit. Steps that should start together are written with "
        "after, in a dependency-based workflow."
    ),
    bad=_GOOD.replace("next: remind", "next: complete"),
    good=_GOOD,
    check=_check,
)
