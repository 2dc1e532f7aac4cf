"""SM111: an alias stands inside the value that it refers to."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, with: {levels: [1, 2]}, next: complete}
"""

RULE = Rule(
    code="SM111",
    name="self-reference",
    severity=Severity.ERROR,
    summary="An alias stands inside the value that it refers to.",
    explanation="Such a value has no end: it cannot be written as JSON, compared or hashed.",
    bad=_GOOD.replace("[1, 2]", "&levels [1, *levels]"),
    good=_GOOD,
)
