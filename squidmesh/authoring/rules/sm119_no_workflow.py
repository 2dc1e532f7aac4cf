"""SM119: the directory holds no workflow file."""

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
)
