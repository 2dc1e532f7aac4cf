"""SM204 to SM207: a step does exactly one thing, a trigger starts in exactly one way."""

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

RULES = (
    Rule(
        code="SM204",
        name="several-step-kinds",
        severity=Severity.ERROR,
        summary="A step has more than one of uses, log, wait, pause and approval.",
        explanation="A step is one unit of history, retry and compensation. Two actions are two steps.",
        bad=_GOOD.replace("    next:", "    log: {message: reminded}\n    next:"),
        good=_GOOD,
    ),
    Rule(
        code="SM205",
        name="no-step-kind",
        severity=Severity.ERROR,
        summary="A step has none of uses, log, wait, pause and approval.",
        explanation="A step that does nothing is most often one whose uses line was lost in an edit.",
        bad=_GOOD.replace("    uses: billing.remind\n", ""),
        good=_GOOD,
    ),
    Rule(
        code="SM206",
        name="no-trigger-type",
        severity=Severity.ERROR,
        summary="A trigger is neither manual nor cron.",
        explanation="Without a type nothing would ever start the workflow by this trigger.",
        bad=_GOOD.replace("    manual: {}\n", "    payload: {invoice_id: {type: string}}\n"),
        good=_GOOD,
    ),
    Rule(
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
    ),
)
