"""SM101: the file is not YAML."""

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
    code="SM101",
    name="syntax",
    severity=Severity.ERROR,
    summary="The file is not YAML.",
    explanation=(
        "A reader that guesses what a broken file means would run something that nobody wrote. Reading ends at "
        "the first such place, so the rest of the file is checked once it is mended."
    ),
    bad="""\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}
steps:
  remind: {uses: billing.remind, next: complete}
""",
    good=_GOOD,
)
