"""SM114: the file is larger than 1 MB."""

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
    code="SM114",
    name="too-large",
    severity=Severity.ERROR,
    summary="The file is larger than 1 MB.",
    explanation=(
        "A workflow of a thousand steps has about 100 kB. A larger file is most likely data that a step should "
        "load, or no workflow at all."
    ),
    bad="",
    good=_GOOD,
)
