"""SM312: no transition stands after one that always holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import edges
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    always: dict[tuple[str, str], str] = {}
    for edge in edges(subject):
        if edge.transition is None:
            continue
        place = (edge.step, edge.outcome)
        if place in always:
            message = (
                f"never taken: the transition to {always[place]!r} above has no 'when' and always holds; "
                "move that one to the end"
            )
            yield subject.document.diagnostic("SM312", message, edge.path, severity=Severity.WARNING)
        elif edge.transition.when is None:
            always[place] = edge.name


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {amount: {type: integer}}
steps:
  load:
    uses: shop.load_order
    output: order
    next:
      - {when: payload.amount > 100, to: review}
      - to: refund
  review: {uses: shop.review, next: refund}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM312",
    name="dead-transition",
    severity=Severity.WARNING,
    summary="A transition stands after one without a condition, so it is never taken.",
    explanation="Of a list of transitions the first that holds is taken. One without when always holds.",
    bad=_GOOD.replace("      - to: refund\n", "").replace(
        "    next:\n      - {", "    next:\n      - to: refund\n      - {"
    ),
    good=_GOOD,
    check=_check,
)
