"""SM403: one package offers a step type's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import refusals
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.errors import StepTypeConflict

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use, error in refusals(subject):
        if isinstance(error, StepTypeConflict):
            message = (
                f"step type {use.step_type!r} is offered more than once: {', '.join(error.distributions)}; "
                "uninstall one of them or rename its step type"
            )
            yield subject.document.diagnostic("SM403", message, use.path)


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand:
    manual: {}
    payload: {invoice_id: {type: string}}
steps:
  load: {uses: billing.load_invoice, output: invoice, next: complete}
"""

RULE = Rule(
    code="SM403",
    name="step-type-conflict",
    severity=Severity.ERROR,
    summary="Two installed packages offer different callables under one step type name.",
    explanation=(
        "Which of the two would run depends on the order of installation, so neither does. Begin the names of step "
        "types with the name of their package."
    ),
    bad=_GOOD.replace("billing.load_invoice", "shared.load_invoice"),
    good=_GOOD,
    check=_check,
)
