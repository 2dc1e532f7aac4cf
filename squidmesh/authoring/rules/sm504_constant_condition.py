"""SM504: a condition depends on something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.conditions import report
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.expressions import ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    return report(subject, ProblemKind.CONSTANT, "SM504", Severity.WARNING)


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {amount: {type: integer}}
steps:
  refund:
    uses: shop.refund
    when: payload.amount > 0
    next: complete
"""

RULE = Rule(
    code="SM504",
    name="constant-condition",
    severity=Severity.WARNING,
    summary="A condition is always true or always false.",
    explanation=(
        "A condition that names nothing of the run is the same in every run: left over from trying something out, or "
        "a variable in quotes."
    ),
    bad=_GOOD.replace("payload.amount > 0", "\"'payload.amount' > '0'\""),
    good=_GOOD,
    check=_check,
)
