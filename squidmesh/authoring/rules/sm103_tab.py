"""SM103: a tab stands where YAML wants spaces."""

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
    code="SM103",
    name="tab",
    severity=Severity.ERROR,
    summary="A tab stands where YAML wants spaces.",
    explanation=(
        "YAML indents by spaces alone, because no two editors agree how wide a tab is. Inside a text a tab is "
        "fine. Let the editor write spaces in YAML files."
    ),
    bad="""\
workflow: billing.reminder
triggers:
\tby_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, next: complete}
""",
    good=_GOOD,
)
