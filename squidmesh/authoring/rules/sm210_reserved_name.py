"""SM210: a name has a meaning of its own."""

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
)
