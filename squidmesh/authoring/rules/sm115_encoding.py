"""SM115: the file is not UTF-8."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM115",
    name="encoding",
    severity=Severity.ERROR,
    summary="The file is not UTF-8.",
    explanation="Any other encoding would be a guess, and a wrong guess changes names and texts silently.",
    bad="",
    good=_GOOD,
)
