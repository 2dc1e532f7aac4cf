"""SM106: a value carries a YAML tag."""

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
    code="SM106",
    name="tag",
    severity=Severity.ERROR,
    summary="A value carries a YAML tag.",
    explanation=(
        "Tags ask a reader to build something other than plain data: !!python/object has run code in other "
        "tools. A workflow names what it uses and never builds it. An expression that begins with '!' needs quotes."
    ),
    bad=_GOOD.replace("friendly", "!secret reminder_template"),
    good=_GOOD,
)
