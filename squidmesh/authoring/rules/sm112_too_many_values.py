"""SM112: the file has more than 100 aliases, or more than 50,000 values once they are expanded."""

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
    with: {levels: [1, 2, 3]}
    next: complete
"""

RULE = Rule(
    code="SM112",
    name="too-many-values",
    severity=Severity.ERROR,
    summary="The file has more than 100 aliases, or more than 50,000 values once they are expanded.",
    explanation=(
        "A few lines of nested aliases can stand for billions of values. What the aliases would expand to is "
        "counted while the file is read, before anything is expanded."
    ),
    bad=_GOOD.replace("[1, 2, 3]", "[&a [1, 2, 3], " + ", ".join(["*a"] * 101) + "]"),
    good=_GOOD,
)
