"""SM501: conditions are expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.conditions import report
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.expressions import ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    return report(subject, ProblemKind.SYNTAX, "SM501", Severity.ERROR)


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {amount: {type: integer}, vip: {type: boolean}}
steps:
  load:
    uses: shop.load_order
    output: order
    next:
      - {when: payload.amount > 100 && !payload.vip, to: review}
      - {to: refund}
  review: {uses: shop.review, next: refund}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM501",
    name="expression-syntax",
    severity=Severity.ERROR,
    summary="A condition is not an expression of the Common Expression Language.",
    explanation=(
        "Conditions are written in CEL: && || ! for and, or, not; == to compare; 'text' in quotes; size(x), "
        "x.contains('part'), x.exists(item, item.price > 10). A condition that begins with ! is quoted, since YAML "
        "takes it for a tag. Expressions are at most 4 KB and 32 levels deep."
    ),
    bad=_GOOD.replace("&& !payload.vip", "and payload.vip"),
    good=_GOOD,
    check=_check,
)
