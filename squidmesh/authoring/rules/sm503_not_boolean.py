"""SM503: conditions are true or false."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.conditions import report
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.expressions import ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    return report(subject, ProblemKind.NOT_BOOLEAN, "SM503", Severity.ERROR)


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {reason: {type: string}}
steps:
  refund:
    uses: shop.refund
    when: payload.reason != ''
    next: complete
"""

RULE = Rule(
    code="SM503",
    name="not-boolean",
    severity=Severity.ERROR,
    summary="A condition yields a text, a number or a map where true or false is needed.",
    explanation=(
        "Nothing counts as true but true itself: there are no truthy texts, numbers or lists. A condition that yields "
        "anything else fails its step as expression_failed."
    ),
    bad=_GOOD.replace(" != ''", ""),
    good=_GOOD,
    check=_check,
)
