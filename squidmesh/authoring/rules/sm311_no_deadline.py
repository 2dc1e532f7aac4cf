"""SM311: what happens at a deadline needs a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Approval, Pause

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, step in subject.workflow.steps.items():
        action = step.action
        gate = isinstance(action, Pause | Approval)
        if isinstance(action, Approval) and action.on_deadline is not None and action.deadline is None:
            message = "there is no deadline that could pass; add 'deadline', such as 'deadline: 2d', or remove this"
            yield subject.document.diagnostic("SM311", message, ("steps", name, "approval", "on_deadline"), on="key")
        if step.next and step.next.deadline and not (isinstance(action, Pause | Approval) and action.deadline):
            remedy = "add one to the step" if gate else "only 'pause' and 'approval' have one; 'timeout' takes 'error'"
            message = f"{name!r} has no deadline, so this route is never taken; {remedy}"
            yield subject.document.diagnostic("SM311", message, ("steps", name, "next", "deadline"), on="key")


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand: {manual: {}}
steps:
  decide:
    approval: {title: Refund this order?, deadline: 2d}
    next: {ok: refund, error: complete, deadline: complete}
  refund: {uses: shop.refund, next: complete}
"""

RULE = Rule(
    code="SM311",
    name="no-deadline",
    severity=Severity.ERROR,
    summary="A deadline's outcome or route is declared where there is no deadline.",
    explanation="The route would never be taken and the decision never made, though the file reads as if they were.",
    bad=_GOOD.replace(", deadline: 2d", ""),
    good=_GOOD,
    check=_check,
)
