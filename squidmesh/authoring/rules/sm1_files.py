"""SM115, SM118, SM119: files that cannot be read, and directories without any."""

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

RULES = (
    Rule(
        code="SM115",
        name="encoding",
        severity=Severity.ERROR,
        summary="The file is not UTF-8.",
        explanation="Any other encoding would be a guess, and a wrong guess changes names and texts silently.",
        bad="",
        good=_GOOD,
    ),
    Rule(
        code="SM118",
        name="unreadable-file",
        severity=Severity.ERROR,
        summary="The file cannot be opened or read.",
        explanation="A file that vanished or may not be read is a problem of the deploy, not a workflow to leave out.",
        bad="",
        good=_GOOD,
    ),
    Rule(
        code="SM119",
        name="no-workflow",
        severity=Severity.ERROR,
        summary="The directory holds no workflow file.",
        explanation=(
            "A check that looks at nothing passes for ever. A directory without any *.yaml or *.yml file is most "
            "often a wrong path."
        ),
        bad="",
        good=_GOOD,
    ),
)
