"""SM111 to SM114: what would take more time or memory than a workflow is worth."""

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


def _levels(value: str) -> str:
    return _GOOD.replace("[1, 2, 3]", value)


RULES = (
    Rule(
        code="SM111",
        name="self-reference",
        severity=Severity.ERROR,
        summary="An alias stands inside the value that it refers to.",
        explanation="Such a value has no end: it cannot be written as JSON, compared or hashed.",
        bad=_levels("&levels [1, *levels]"),
        good=_GOOD,
    ),
    Rule(
        code="SM112",
        name="too-many-values",
        severity=Severity.ERROR,
        summary="The file has more than 100 aliases, or more than 50,000 values once they are expanded.",
        explanation=(
            "A few lines of nested aliases can stand for billions of values. What the aliases would expand to is "
            "counted while the file is read, before anything is expanded."
        ),
        bad=_levels("[&a [1, 2, 3], " + ", ".join(["*a"] * 101) + "]"),
        good=_GOOD,
    ),
    Rule(
        code="SM113",
        name="too-deep",
        severity=Severity.ERROR,
        summary="Values are nested deeper than 100 levels.",
        explanation=(
            "Every reader of nested data has a depth at which it fails, some by crashing. No workflow needs a "
            "hundred levels."
        ),
        bad=_levels("[" * 101 + "]" * 101),
        good=_GOOD,
    ),
    Rule(
        code="SM114",
        name="too-large",
        severity=Severity.ERROR,
        summary="The file is larger than 1 MB.",
        explanation=(
            "A workflow of a thousand steps has about 100 kB. A larger file is most likely data that a step should "
            "load, or no workflow at all."
        ),
        bad="",
        good=_GOOD,
    ),
)
