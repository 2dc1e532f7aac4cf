"""SM203: a required key is missing."""

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
    retry: {max_attempts: 3}
    next: settle
  settle:
    log: {message: reminded}
    next: complete
"""

RULE = Rule(
    code="SM203",
    name="missing-key",
    severity=Severity.ERROR,
    summary="A required key is missing.",
    explanation="Without it there is nothing that could be meant, and so no default either.",
    bad=_GOOD.replace("{max_attempts: 3}", "{backoff: {min: 5s}}"),
    good=_GOOD,
)
