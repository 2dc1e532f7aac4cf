"""SM709: a comment that should silence a warning names its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity, Span
from squidmesh.authoring.rules import Rule, Subject, all_rules
from squidmesh.authoring.silencing import silenced_codes, silencing_comment
from squidmesh.authoring.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    known = {rule.code for rule in all_rules()}
    for number, line in enumerate(subject.document.source.lines, 1):
        comment = silencing_comment(line) if "squidmesh" in line.lower() else None
        if comment is None:
            continue
        codes = list(silenced_codes(comment))
        if not codes:
            message = "this comment silences nothing; name the codes, such as 'ignore[SM701]'"
            yield _finding(subject, message, number, comment.start(), len(comment[0].rstrip()))
        for code, column in codes:
            if code.upper() not in known:
                message = (
                    f"no rule has the code {quoted(code)}, so that it silences nothing ('squidmesh rule' lists them)"
                )
                yield _finding(subject, message, number, column, len(code))


def _finding(subject: Subject, message: str, line: int, column: int, length: int) -> Diagnostic:
    span = Span(line=line, column=column + 1, end_line=line, end_column=column + 1 + length)
    return subject.document.source.diagnostic("SM709", message, span, severity=Severity.WARNING)


_GOOD = """\
workflow: billing.payout
triggers:
  by_hand: {manual: {}}
steps:
  # squidmesh: ignore[SM701] the bank recognizes repeated orders
  pay: {uses: bank.pay, irreversible: true, retry: {max_attempts: 3}, next: complete}
"""

RULE = Rule(
    code="SM709",
    name="silences-nothing",
    severity=Severity.WARNING,
    summary="A comment should silence a warning, and names no code of a rule.",
    explanation=(
        "What such a comment was written for is not silenced, or is not there any more, and the next reader takes it "
        "for a decision. Codes stand in brackets, with commas between them."
    ),
    bad=_GOOD.replace("ignore[SM701]", "ignore[SM701, SM72]"),
    good=_GOOD,
    check=_check,
)
