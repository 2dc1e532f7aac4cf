"""SM212: a key stands where it has no meaning."""

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
    code="SM212",
    name="misplaced-key",
    severity=Severity.ERROR,
    summary="A key stands where it has no meaning.",
    explanation=(
        "A known key in the wrong place does nothing: log, wait, pause and approval have no attempts to retry, a "
        "manual trigger has no time zone, a number has no pattern."
    ),
    bad=_GOOD.replace("{message: reminded}", "{message: reminded}\n    timeout: 5s"),
    good=_GOOD,
)
