"""SM208: a duration has no unit, or is none."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, timeout: 30s, next: complete}
"""

RULE = Rule(
    code="SM208",
    name="duration",
    severity=Severity.ERROR,
    summary="A duration has no unit, or is none.",
    explanation=(
        "A bare 30 is seconds to one reader and milliseconds to another. Durations are whole numbers with a unit: "
        "250ms, 5s, 10m, 2h, 1d."
    ),
    bad=_GOOD.replace("30s", "30"),
    good=_GOOD,
)
