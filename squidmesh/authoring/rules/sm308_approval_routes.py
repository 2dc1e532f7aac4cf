"""SM308: an approval says what follows a yes and what follows a no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Approval

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, step in subject.workflow.steps.items():
        if not isinstance(step.action, Approval) or step.next is None:
            continue
        for outcome, meaning in (("ok", "approved"), ("error", "rejected")):
            if not getattr(step.next, outcome):
                message = f"{name!r} does not say where to go once it is {meaning}; add {outcome!r} to 'next'"
                yield subject.document.diagnostic("SM308", message, ("steps", name, "next"), on="key")


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand: {manual: {}}
steps:
  decide:
    approval: {title: Refund this order?}
    next: {ok: refund, error: complete}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM308",
    name="approval-routes",
    severity=Severity.ERROR,
    summary="An approval lacks a route for ok or for error.",
    explanation=(
        "An approval exists to tell two ways apart. Without an error route a rejection would fail the run and undo "
        "what was done before it, which is rarely what the person who says no expects; write error: fail if it is."
    ),
    bad=_GOOD.replace("{ok: refund, error: complete}", "refund"),
    good=_GOOD,
    check=_check,
)
