"""SM211: a value is not among those that its key takes."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, retry: {max_attempts: 3}, next: complete}
"""

RULE = Rule(
    code="SM211",
    name="bad-value",
    severity=Severity.ERROR,
    summary="A value is not among those that its key takes.",
    explanation="The key takes one of a few words, or a number or a list within limits; the message names them.",
    bad=_GOOD.replace("max_attempts: 3", "max_attempts: 0"),
    good=_GOOD,
)
