"""SM505: operators fit what they are applied to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.conditions import report
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.expressions import ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    return report(subject, ProblemKind.TYPE, "SM505", Severity.ERROR)


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {amount: {type: integer}}
steps:
  refund:
    uses: shop.refund
    when: double(payload.amount) * 1.08 > 100.0
    next: complete
"""

RULE = Rule(
    code="SM505",
    name="expression-type",
    severity=Severity.ERROR,
    summary="A condition applies an operator or a function to values that it does not take.",
    explanation=(
        "CEL converts nothing by itself: whole numbers and decimals do not mix in arithmetic (double(x) * 1.08), times "
        "in the data are texts (timestamp(run.started_at)), and durations have no unit for days (duration('72h')). "
        "What does not fit here fails the step in every run."
    ),
    bad=_GOOD.replace("double(payload.amount)", "payload.amount"),
    good=_GOOD,
    check=_check,
)
