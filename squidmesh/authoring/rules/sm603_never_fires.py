"""SM603: a schedule has a next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.cron import check_cron, fires
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, trigger in subject.workflow.triggers.items():
        expression = trigger.cron.expression if trigger.cron else None
        if expression is not None and check_cron(expression) is None and not fires(expression):
            message = "this schedule never fires: none of its months has such a day"
            yield subject.document.diagnostic("SM603", message, ("triggers", name, "cron"))


_GOOD = """\
workflow: billing.monthly
triggers:
  month_end: {cron: "0 3 L * *"}
steps:
  collect: {uses: billing.collect, next: complete}
"""

RULE = Rule(
    code="SM603",
    name="never-fires",
    severity=Severity.ERROR,
    summary="No date fulfils a cron expression.",
    explanation=(
        "Each field is fine by itself, but no date has all of them, such as the 30th of February. For the last day of "
        "a month write L."
    ),
    bad=_GOOD.replace("0 3 L * *", "0 3 30 2 *"),
    good=_GOOD,
    check=_check,
)
