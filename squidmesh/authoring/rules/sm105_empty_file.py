"""SM105: the file holds no document."""

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
    code="SM105",
    name="empty-file",
    severity=Severity.ERROR,
    summary="The file holds no document.",
    explanation=(
        "Every YAML file in a workflows directory must be a workflow. An empty one is a file that somebody "
        "forgot to save or to delete."
    ),
    bad="# to be written\n",
    good=_GOOD,
)
