"""SM205: a step has none of uses, log, wait, pause and approval."""

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
    code="SM205",
    name="no-step-kind",
    severity=Severity.ERROR,
    summary="A step has none of uses, log, wait, pause and approval.",
    explanation="A step that does nothing is most often one whose uses line was lost in an edit.",
    bad=_GOOD.replace("    uses: billing.remind\n", ""),
    good=_GOOD,
)
