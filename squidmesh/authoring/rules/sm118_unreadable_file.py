"""SM118: the file cannot be opened or read."""

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
    code="SM118",
    name="unreadable-file",
    severity=Severity.ERROR,
    summary="The file cannot be opened or read, or not written by squidmesh format.",
    explanation="A file that vanished or may not be read is a problem of the deploy, not a workflow to leave out.",
    bad="",
    good=_GOOD,
)
