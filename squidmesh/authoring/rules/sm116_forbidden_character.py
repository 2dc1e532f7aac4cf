"""SM116: a text contains a character that cannot be stored."""

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
    with: {template: friendly}
    next: complete
"""

RULE = Rule(
    code="SM116",
    name="forbidden-character",
    severity=Severity.ERROR,
    summary="A text contains a character that cannot be stored.",
    explanation=(
        "NUL, other control characters and halves of surrogate pairs are refused by YAML, by Postgres or by "
        "both. They come from a broken copy or a wrong encoding far more often than from an author."
    ),
    bad=_GOOD.replace("friendly", '"friendly\\0"'),
    good=_GOOD,
)
