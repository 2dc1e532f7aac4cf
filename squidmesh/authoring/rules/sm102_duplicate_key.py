"""SM102: a key stands twice in one mapping."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind:
    uses: billing.remind
    next: complete
"""

RULE = Rule(
    code="SM102",
    name="duplicate-key",
    severity=Severity.ERROR,
    summary="A key stands twice in one mapping.",
    explanation=(
        "Most readers silently keep the last of the two, so half of what the file says would never happen. "
        "Both places are shown; keep one."
    ),
    bad=_GOOD + "    next: fail\n",
    good=_GOOD,
)
