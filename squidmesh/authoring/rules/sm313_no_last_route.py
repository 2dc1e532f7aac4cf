"""SM313: a list of transitions ends with one that always holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import Edge, edges
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    lists: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges(subject):
        lists.setdefault((edge.step, edge.outcome), []).append(edge)
    for transitions in lists.values():
        if all(edge.transition is not None and edge.transition.when is not None for edge in transitions):
            last = transitions[-1]
            message = "if none of these holds the run fails as no_route; end the list with a transition without 'when'"
            yield subject.document.diagnostic("SM313", message, last.when_path, severity=Severity.WARNING)


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {amount: {type: integer}}
steps:
  load:
    uses: shop.load_order
    next:
      - {when: payload.amount > 100, to: review}
      - {to: refund}
  review: {uses: shop.review, next: refund}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM313",
    name="no-last-route",
    severity=Severity.WARNING,
    summary="Every transition of a list has a condition.",
    explanation=(
        "If none of the conditions holds, the run fails as no_route. A last transition without when says what to do "
        "then; to: fail, if failing is meant."
    ),
    bad=_GOOD.replace("{to: refund}", "{when: payload.amount < 100, to: refund}"),
    good=_GOOD,
    check=_check,
)
