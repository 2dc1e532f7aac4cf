"""SM310: a deadline says, once, what happens when it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Approval, Pause, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import Step


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, step in subject.workflow.steps.items():
        action = step.action
        if not isinstance(action, Pause | Approval) or action.deadline is None:
            continue
        kind = "approval" if isinstance(action, Approval) else "pause"
        path = ("steps", name, kind, "deadline")
        routed = bool(step.next and step.next.deadline)
        if isinstance(action, Approval) and routed and action.on_deadline is not None:
            message = "both 'on_deadline' and the route 'next.deadline' say what happens then; keep one of them"
            yield subject.document.diagnostic("SM310", message, ("steps", name, kind, "on_deadline"), on="key")
        elif not routed and not (isinstance(action, Approval) and action.on_deadline is not None):
            message = f"nothing says what happens when the deadline passes; {_remedy(step, subject)}"
            yield subject.document.diagnostic("SM310", message, path, on="key")


def _remedy(step: Step, subject: Subject) -> str:
    routed = subject.graph.shape is Shape.ROUTED
    if isinstance(step.action, Approval):
        return "add 'on_deadline: approve', 'reject' or 'fail'" + (", or a route 'next.deadline'" if routed else "")
    if routed:
        return "add a route 'next.deadline'"
    return "a pause without routes cannot have one; use an approval with 'on_deadline'"


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand: {manual: {}}
steps:
  decide:
    approval: {title: Refund this order?, deadline: 2d, on_deadline: reject}
    next: {ok: refund, error: complete}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM310",
    name="deadline-outcome",
    severity=Severity.ERROR,
    summary="A deadline passes and nothing, or two things, say what happens then.",
    explanation=(
        "When nobody decides in time, a run goes along next.deadline or takes on_deadline as the decision. Exactly one "
        "of the two must be there: guessing what an undecided refund means is not for a library."
    ),
    bad=_GOOD.replace(", on_deadline: reject", ""),
    good=_GOOD,
    check=_check,
)
