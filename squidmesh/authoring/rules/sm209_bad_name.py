"""SM209: a name is not made of lower-case letters, digits and underscores."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind_customer: {uses: billing.remind, output: reminder, next: complete}
"""

RULE = Rule(
    code="SM209",
    name="bad-name",
    severity=Severity.ERROR,
    summary="A name is not made of lower-case letters, digits and underscores.",
    explanation=(
        "Names of steps, triggers, fields and outputs stand in paths, expressions, metrics and commands, where "
        "spaces, dots and hyphens mean something else."
    ),
    bad=_GOOD.replace("remind_customer", "Remind-Customer"),
    good=_GOOD,
)
