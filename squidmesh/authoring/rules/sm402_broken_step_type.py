"""SM402: step types can be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import refusals
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.errors import StepTypeBroken

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use, error in refusals(subject):
        if isinstance(error, StepTypeBroken):
            reason = " ".join(error.reason.split())
            message = f"step type {use.step_type!r} cannot be loaded: {reason:.400}"
            yield subject.document.diagnostic("SM402", message, use.path)


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
    code="SM402",
    name="broken-step-type",
    severity=Severity.ERROR,
    summary="A registered step type fails to import or is not a callable.",
    explanation=(
        "The package registers the name, but importing what it points at fails: a missing dependency, a renamed "
        "function, an error at import. The message carries the import's own error."
    ),
    bad=_GOOD.replace("billing.load_invoice", "legacy.load_invoice"),
    good=_GOOD,
    check=_check,
)
