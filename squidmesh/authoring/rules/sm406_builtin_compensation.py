"""SM406: a compensation is a registered step type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import compensations
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if subject.registry is None:
        return
    for use in compensations(subject):
        if use.step_type in BUILTIN_STEP_TYPES:
            message = f"{use.step_type!r} is built in and undoes nothing; name a registered step type"
            yield subject.document.diagnostic("SM406", message, use.path)


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
    code="SM406",
    name="builtin-compensation",
    severity=Severity.ERROR,
    summary="A compensation names a built-in step.",
    explanation=(
        "log, wait, pause and approval change nothing that could be taken back, and have no callable to run. To be "
        "told of a failure, use on_failure."
    ),
    bad=_GOOD.replace("billing.refund", "log"),
    good=_GOOD,
    check=_check,
)
