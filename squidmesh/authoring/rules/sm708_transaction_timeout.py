"""SM708: a transactional step is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import calls
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use in calls(subject):
        if use.action.transaction and use.action.timeout is None:
            message = "a transaction that stays open slows the whole database; add 'timeout', such as 'timeout: 10s'"
            yield subject.document.diagnostic(
                "SM708", message, (*use.place, "transaction"), on="key", severity=Severity.WARNING
            )


_GOOD = """\
workflow: billing.book
triggers:
  by_hand: {manual: {}}
steps:
  book:
    uses: billing.book
    transaction: true
    timeout: 10s
    next: complete
"""

RULE = Rule(
    code="SM708",
    name="transaction-timeout",
    severity=Severity.WARNING,
    summary="A step with transaction: true has no timeout.",
    explanation=(
        "While its transaction is open, Postgres cannot clean up behind any other step, and the queue grows slower by "
        "the minute. A timeout bounds it, for each statement too."
    ),
    bad=_GOOD.replace("    timeout: 10s\n", ""),
    good=_GOOD,
    check=_check,
)
