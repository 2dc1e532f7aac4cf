"""SM213: two keys of a step contradict each other."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind:
    uses: billing.remind
    retry: {max_attempts: 3}
    next: settle
  settle:
    log: {message: reminded}
    next: complete
"""

RULE = Rule(
    code="SM213",
    name="conflicting-keys",
    severity=Severity.ERROR,
    summary="Two keys of a step contradict each other.",
    explanation=(
        "An irreversible step cannot be undone, so it neither has a compensation nor is compensatable. "
        "allow_failure belongs to dependency-based workflows, where nothing routes an error."
    ),
    bad=_GOOD.replace("retry: {max_attempts: 3}", "irreversible: true\n    compensate: billing.take_back_reminder"),
    good=_GOOD.replace("retry: {max_attempts: 3}", "compensate: billing.take_back_reminder"),
)
