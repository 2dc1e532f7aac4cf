"""SM109: a key is not text."""

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
    with: {"1": first}
    next: complete
"""

RULE = Rule(
    code="SM109",
    name="non-string-key",
    severity=Severity.ERROR,
    summary="A key is not text.",
    explanation=(
        "A workflow is JSON data, whose keys are text. An unquoted 1, true or null is a number, a truth value or "
        "nothing to YAML, and turning it into text would be a guess."
    ),
    bad=_GOOD.replace('"1"', "1"),
    good=_GOOD,
)
