"""SM209, SM210, SM215: names that are badly formed, reserved or taken."""

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

RULES = (
    Rule(
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
    ),
    Rule(
        code="SM210",
        name="reserved-name",
        severity=Severity.ERROR,
        summary="A name has a meaning of its own.",
        explanation=(
            "complete and fail are where routes end; payload, context, run, failure and now are what paths and "
            "expressions begin with. A step or a value of that name could not be told from them."
        ),
        bad=_GOOD.replace("reminder, next", "context, next"),
        good=_GOOD,
    ),
    Rule(
        code="SM215",
        name="duplicate-workflow",
        severity=Severity.ERROR,
        summary="Two files declare workflows of one name.",
        explanation="A run is started by the workflow's name, so the name must lead to one file.",
        bad="",
        good=_GOOD,
    ),
)
