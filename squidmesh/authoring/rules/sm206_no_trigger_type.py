"""SM206: a trigger is neither manual nor cron."""

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
    code="SM206",
    name="no-trigger-type",
    severity=Severity.ERROR,
    summary="A trigger is neither manual nor cron.",
    explanation="Without a type nothing would ever start the workflow by this trigger.",
    bad=_GOOD.replace("    manual: {}\n", "    payload: {invoice_id: {type: string}}\n"),
    good=_GOOD,
)
