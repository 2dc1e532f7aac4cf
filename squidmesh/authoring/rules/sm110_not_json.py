"""SM110: a value has no form in JSON."""

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
    with: {since: "2026-01-31"}
    next: complete
"""

RULE = Rule(
    code="SM110",
    name="not-json",
    severity=Severity.ERROR,
    summary="A value has no form in JSON.",
    explanation=(
        "Definitions and payloads are kept as JSON, which has neither dates nor infinity nor not-a-number. "
        "Quoted, the value is text, and the step decides what it means."
    ),
    bad=_GOOD.replace('"2026-01-31"', "2026-01-31"),
    good=_GOOD,
)
