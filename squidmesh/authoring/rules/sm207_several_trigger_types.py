"""SM207: a trigger is both manual and cron."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand:
    manual: {}
steps:
  remind:
    uses: billing.remind
    next: complete
"""

RULE = Rule(
    code="SM207",
    name="several-trigger-types",
    severity=Severity.ERROR,
    summary="A trigger is both manual and cron.",
    explanation=(
        "A cron trigger can be started by name as well, so manual beside it would say nothing. If the two take "
        "different payloads, declare two triggers."
    ),
    bad=_GOOD.replace("manual: {}", 'manual: {}\n    cron: "0 9 * * 1-5"'),
    good=_GOOD.replace("manual: {}", 'cron: "0 9 * * 1-5"'),
)
