"""SM217: a parameter gets its value from ``input`` or from ``with``, not from both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import Uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.document import Place
    from squidmesh.model.definition import Step


def _check(subject: Subject) -> Iterator[Diagnostic]:
    places: list[tuple[Place, Step]] = [(("steps", name), step) for name, step in subject.workflow.steps.items()]
    if subject.workflow.on_failure is not None:
        places.append((("on_failure",), subject.workflow.on_failure))
    for path, step in places:
        for name in step.action.constants if isinstance(step.action, Uses) else ():
            if step.input is not None and name in step.input:
                message = f"{name!r} is in 'input' too; remove it from one of them"
                yield subject.document.diagnostic("SM217", message, (*path, "with", name), on="key")


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand:
    manual: {}
    payload:
      tone: {type: string}
steps:
  remind:
    uses: billing.remind
    input: [tone]
    with: {limit: 10}
    next: complete
"""

RULE = Rule(
    code="SM217",
    name="input-and-with",
    severity=Severity.ERROR,
    summary="A parameter is given by both input and with.",
    explanation="One of the two would silently win, and which one is nothing that a reader of the file can see.",
    bad=_GOOD.replace("{limit: 10}", "{limit: 10, tone: firm}"),
    good=_GOOD,
    check=_check,
)
