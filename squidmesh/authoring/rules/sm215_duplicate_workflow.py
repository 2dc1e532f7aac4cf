"""SM215: two files declare workflows of one name."""

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
    code="SM215",
    name="duplicate-workflow",
    severity=Severity.ERROR,
    summary="Two files declare workflows of one name.",
    explanation="A run is started by the workflow's name, so the name must lead to one file.",
    bad="",
    good=_GOOD,
)
