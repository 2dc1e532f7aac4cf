"""SM204: a step has more than one of uses, log, wait, pause and approval."""

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
    code="SM204",
    name="several-step-kinds",
    severity=Severity.ERROR,
    summary="A step has more than one of uses, log, wait, pause and approval.",
    explanation="A step is one unit of history, retry and compensation. Two actions are two steps.",
    bad=_GOOD.replace("    next:", "    log: {message: reminded}\n    next:"),
    good=_GOOD,
)
