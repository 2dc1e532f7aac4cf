"""SM108: a mapping is merged into another with '<<'."""

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
    with: {template: friendly, limit: 10}
    next: complete
"""

RULE = Rule(
    code="SM108",
    name="merge-key",
    severity=Severity.ERROR,
    summary="A mapping is merged into another with '<<'.",
    explanation=(
        "Merge keys are no part of YAML 1.2, and readers disagree about which of two values wins. Use the "
        "workflow's defaults for what several steps share, or an alias for one whole value."
    ),
    bad=_GOOD.replace("template: friendly", "<<: {template: friendly}"),
    good=_GOOD,
)
