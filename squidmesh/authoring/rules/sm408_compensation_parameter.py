"""SM408: a compensation asks only for what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import compensations
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import find_step_type

if TYPE_CHECKING:
    from collections.abc import Iterator

_GIVEN = ("payload", "context", "step", "failure")


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use in compensations(subject):
        step_type = find_step_type(subject, use.step_type)
        for parameter in step_type.parameters if step_type else ():
            if parameter.required and parameter.name not in _GIVEN:
                message = (
                    f"{use.step_type!r} needs {parameter.name!r}, but a compensation is given "
                    f"{', '.join(_GIVEN)} only; read it from step['output'] or context"
                )
                yield subject.document.diagnostic("SM408", message, use.path)


_GOOD = """\
workflow: billing.collect
triggers:
  by_hand:
    manual: {}
    payload: {invoice_id: {type: string}, amount: {type: integer}}
steps:
  charge: {uses: billing.charge, output: charge, compensate: billing.refund, next: complete}
"""

RULE = Rule(
    code="SM408",
    name="compensation-parameter",
    severity=Severity.ERROR,
    summary="A compensation has a parameter without default that no compensation is given.",
    explanation=(
        "A compensation is bound by name from payload, context, step (the name, input and output of the step that is "
        "undone) and failure. A parameter of another name stays empty, and the compensation fails when it is needed "
        "most."
    ),
    bad=_GOOD.replace("billing.refund", "billing.refund_charge"),
    good=_GOOD,
    check=_check,
)
