"""SM102, SM106, SM108, SM109, SM110, SM116, SM117: YAML that is not plain data."""

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
    with: {template: friendly, since: "2026-01-31", limit: 10}
    next: complete
"""


def _with(constants: str) -> str:
    return _GOOD.replace('{template: friendly, since: "2026-01-31", limit: 10}', constants)


RULES = (
    Rule(
        code="SM102",
        name="duplicate-key",
        severity=Severity.ERROR,
        summary="A key stands twice in one mapping.",
        explanation=(
            "Most readers silently keep the last of the two, so half of what the file says would never happen. "
            "Both places are shown; keep one."
        ),
        bad=_GOOD + "    next: fail\n",
        good=_GOOD,
    ),
    Rule(
        code="SM106",
        name="tag",
        severity=Severity.ERROR,
        summary="A value carries a YAML tag.",
        explanation=(
            "Tags ask a reader to build something other than plain data: !!python/object has run code in other "
            "tools. A workflow names what it uses and never builds it. An expression that begins with '!' needs quotes."
        ),
        bad=_with("{template: !secret reminder_template}"),
        good=_GOOD,
    ),
    Rule(
        code="SM108",
        name="merge-key",
        severity=Severity.ERROR,
        summary="A mapping is merged into another with '<<'.",
        explanation=(
            "Merge keys are no part of YAML 1.2, and readers disagree about which of two values wins. Use the "
            "workflow's defaults for what several steps share, or an alias for one whole value."
        ),
        bad=_with("{<<: {template: friendly}, limit: 10}"),
        good=_GOOD,
    ),
    Rule(
        code="SM109",
        name="non-string-key",
        severity=Severity.ERROR,
        summary="A key is not text.",
        explanation=(
            "A workflow is JSON data, whose keys are text. An unquoted 1, true or null is a number, a truth value or "
            "nothing to YAML, and turning it into text would be a guess."
        ),
        bad=_with("{1: first}"),
        good=_with('{"1": first}'),
    ),
    Rule(
        code="SM110",
        name="not-json",
        severity=Severity.ERROR,
        summary="A value has no form in JSON.",
        explanation=(
            "Definitions and payloads are kept as JSON, which has neither dates nor infinity nor not-a-number. "
            "Quoted, the value is text, and the step decides what it means."
        ),
        bad=_with("{since: 2026-01-31}"),
        good=_GOOD,
    ),
    Rule(
        code="SM116",
        name="forbidden-character",
        severity=Severity.ERROR,
        summary="A text contains a character that cannot be stored.",
        explanation=(
            "NUL, other control characters and halves of surrogate pairs are refused by YAML, by Postgres or by "
            "both. They come from a broken copy or a wrong encoding far more often than from an author."
        ),
        bad=_with('{template: "friendly\\0"}'),
        good=_GOOD,
    ),
    Rule(
        code="SM117",
        name="huge-number",
        severity=Severity.ERROR,
        summary="A number has more digits than anything can count.",
        explanation=(
            "Python takes quadratic time to read a number, and other readers round it. Numbers have at most a "
            "thousand digits; anything longer is text and is quoted."
        ),
        bad=_with("{limit: " + "9" * 1200 + "}"),
        good=_GOOD,
    ),
)
