"""SM117: a number has more digits than anything can count."""

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
    with: {limit: 10}
    next: complete
"""

RULE = Rule(
    code="SM117",
    name="huge-number",
    severity=Severity.ERROR,
    summary="A number has more digits than anything can count.",
    explanation=(
        "Python takes quadratic time to read a number, and other readers round it. Numbers have at most a "
        "thousand digits; anything longer is text and is quoted."
    ),
    bad=_GOOD.replace("10", "9" * 1200),
    good=_GOOD,
)
