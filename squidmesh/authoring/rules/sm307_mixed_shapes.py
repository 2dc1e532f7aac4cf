"""SM307: a workflow is routed or dependency-based, not both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if not is_mixed(subject):
        return
    steps = subject.workflow.steps
    routed = [name for name, step in steps.items() if step.next is not None]
    waiting = [name for name, step in steps.items() if step.after]
    (odd, key), (usual, other) = sorted(
        [(waiting, "after"), (routed, "next")], key=lambda pair: (len(pair[0]), pair[1] == "next")
    )
    span = subject.document.key_span(("steps", usual[0], other))
    for name in odd:
        message = (
            f"{name!r} has {key!r} in a workflow whose steps have {other!r}; use one of the two for all steps "
            "('next' goes from step to step, 'after' waits for steps)"
        )
        related = ((f"{other!r} is used here", span),)
        yield subject.document.diagnostic("SM307", message, ("steps", name, key), on="key", related=related)


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
    code="SM307",
    name="mixed-shapes",
    severity=Severity.ERROR,
    summary="Some steps have next and others after.",
    explanation=(
        "next walks from one step to the next; after starts a step once all that it waits for are done, several at a "
        "time. One run cannot follow both."
    ),
    bad=_GOOD.replace("shop.ship, next: complete", "shop.ship, after: [charge]"),
    good=_GOOD,
    check=_check,
)
