"""SM502: conditions name what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.conditions import report
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.expressions import ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    return report(subject, ProblemKind.UNKNOWN_VARIABLE, "SM502", Severity.ERROR)


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
      - {when: payload.amount > context.order.paid, to: review}
      - {to: refund}
  review: {uses: shop.review, next: refund}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM502",
    name="unknown-variable",
    severity=Severity.ERROR,
    summary="A condition names a variable or a function that does not exist where it stands.",
    explanation=(
        "payload has the fields that the triggers declare; context has them and the outputs of the steps before; run "
        "has id, workflow, trigger, started_at and scheduled_for; failure is there after an error route; now is the "
        "time of the decision. A step without output merges unknown keys into the context, which then is not checked."
    ),
    bad=_GOOD.replace("payload.amount >", "payload.amuont >"),
    good=_GOOD,
    check=_check,
)
