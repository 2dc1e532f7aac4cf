"""SM601: cron expressions are five fields that mean something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.cron import check_cron
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, trigger in subject.workflow.triggers.items():
        problem = check_cron(trigger.cron.expression) if trigger.cron else None
        if problem:
            path = ("triggers", name, "cron")
            yield subject.document.diagnostic(
                "SM601", problem.message, path, offset=problem.offset, length=problem.length
            )


_GOOD = """\
workflow: billing.nightly
triggers:
  nightly: {cron: "30 3 * * 1-5"}
steps:
  collect: {uses: billing.collect, next: complete}
"""

RULE = Rule(
    code="SM601",
    name="bad-cron",
    severity=Severity.ERROR,
    summary="A cron expression is not five fields within their ranges.",
    explanation=(
        "The fields are minute, hour, day of month, month and day of week. There are no seconds, no years, no "
        "nicknames such as @daily, and nothing random: every worker must come to the same times."
    ),
    bad=_GOOD.replace("30 3 *", "30 24 *"),
    good=_GOOD,
    check=_check,
)
