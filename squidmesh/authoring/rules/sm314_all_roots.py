"""SM314: steps without any order are seldom meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    steps = subject.workflow.steps
    if subject.graph.shape is Shape.ROUTED or len(steps) == 1 or any(step.after for step in steps.values()):
        return
    message = (
        f"no step says 'next' or 'after', so all {len(steps)} start at once; add 'next' to walk through them in order, "
        "or 'after' where one waits for another"
    )
    yield subject.document.diagnostic("SM314", message, ("steps",), on="key", severity=Severity.WARNING)


_GOOD = """\
workflow: shop.order
triggers:
  by_hand: {manual: {}}
steps:
  reserve: {uses: shop.reserve}
  charge: {uses: shop.charge, after: [reserve]}
"""

RULE = Rule(
    code="SM314",
    name="all-roots",
    severity=Severity.WARNING,
    summary="Several steps and not one next or after: all of them start at once.",
    explanation=(
        "A file without next and after is dependency-based with every step a root. That is legal, and almost always "
        "a file whose author expects steps to run from top to bottom."
    ),
    bad=_GOOD.replace(", after: [reserve]", ""),
    good=_GOOD,
    check=_check,
)
