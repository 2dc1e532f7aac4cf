"""SM104: the file holds more than one YAML document."""

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
    code="SM104",
    name="several-documents",
    severity=Severity.ERROR,
    summary="The file holds more than one YAML document.",
    explanation=(
        "One file declares one workflow: that is how a workflow is found by its file, reviewed and diffed. "
        "Everything after a second '---' would be ignored by some readers and taken by others."
    ),
    bad=_GOOD + "---\n" + _GOOD.replace("reminder", "second_reminder"),
    good=_GOOD,
)
