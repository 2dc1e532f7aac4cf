"""SM301: a routed workflow has a step to start with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    graph = subject.graph
    if graph.shape is Shape.DEPENDENCY or is_mixed(subject) or graph.entries:
        return
    cycle = graph.cycle() or ()
    if len(cycle) == 2:  # noqa: PLR2004 - a step that leads to itself is SM309
        return
    message = (
        f"there is no step to start with: every step is the target of another ({' -> '.join(cycle)}); "
        "remove the route that leads back"
    )
    yield subject.document.diagnostic("SM301", message, ("steps",), on="key")


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  load: {uses: billing.load_invoice, next: remind}
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM301",
    name="no-entry",
    severity=Severity.ERROR,
    summary="Every step of a routed workflow is the target of another, so none is the first.",
    explanation=(
        "A routed run starts at the one step that no route targets. If each step has a route leading to it, the "
        "routes form a cycle from the start. To try something again, raise RetryStep inside the step instead."
    ),
    bad=_GOOD.replace("next: complete", "next: load"),
    good=_GOOD,
    check=_check,
)
