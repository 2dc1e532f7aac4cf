"""SM113: values are nested deeper than 100 levels."""

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
    code="SM113",
    name="too-deep",
    severity=Severity.ERROR,
    summary="Values are nested deeper than 100 levels.",
    explanation=(
        "Every reader of nested data has a depth at which it fails, some by crashing. No workflow needs a "
        "hundred levels."
    ),
    bad=_GOOD.replace("[1, 2, 3]", "[" * 101 + "]" * 101),
    good=_GOOD,
)
