"""SM306: every step of a routed workflow says where to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Approval, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if subject.graph.shape is Shape.DEPENDENCY or is_mixed(subject):
        return
    for name, step in subject.workflow.steps.items():
        if step.next is None:
            message = f"{name!r} does not say where to go; add 'next: complete' if the run ends here"
            yield subject.document.diagnostic("SM306", message, ("steps", name), on="key")
        elif not step.next.ok and not isinstance(step.action, Approval):
            message = f"{name!r} does not say where to go when it completes; add 'ok: complete' if the run ends here"
            yield subject.document.diagnostic("SM306", message, ("steps", name, "next"), on="key")


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  load: {uses: billing.load_invoice, next: remind}
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM306",
    name="no-way-on",
    severity=Severity.ERROR,
    summary="A step of a routed workflow has no route for its completion.",
    explanation=(
        "Where the file says next at all, every step must: a run that ends because a line is missing looks the same "
        "as one that was meant to end. Write complete where it ends well and fail where it does not."
    ),
    bad=_GOOD.replace(", next: complete", ""),
    good=_GOOD,
    check=_check,
)
