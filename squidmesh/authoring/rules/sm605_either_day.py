"""SM605: day of month and day of week together mean either, not both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.cron import check_cron, restricts_both_days
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, trigger in subject.workflow.triggers.items():
        expression = trigger.cron.expression if trigger.cron else None
        if expression is not None and check_cron(expression) is None and restricts_both_days(expression):
            message = (
                "fires on days that match the day of month or the day of week, not only on those that match both; "
                "give one of them and test the other in 'when'"
            )
            yield subject.document.diagnostic("SM605", message, ("triggers", name, "cron"), severity=Severity.WARNING)


_GOOD = """\
workflow: billing.monthly
triggers:
  first_monday: {cron: "0 9 * * 1#1"}
steps:
  collect: {uses: billing.collect, next: complete}
"""

RULE = Rule(
    code="SM605",
    name="either-day",
    severity=Severity.WARNING,
    summary="A cron expression restricts both the day of month and the day of week.",
    explanation=(
        "Since the first cron, a schedule with both days fires when either matches: '0 9 1-7 * 1' is not the first "
        "Monday but the first week and every Monday. The first Monday is '0 9 * * 1#1'."
    ),
    bad=_GOOD.replace("0 9 * * 1#1", "0 9 1-7 * 1"),
    good=_GOOD,
    check=_check,
)
