"""SM409: a transactional step is not async."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import calls
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import find_step_type

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use in calls(subject):
        if not use.action.transaction:
            continue
        step_type = find_step_type(subject, use.step_type)
        if step_type is not None and step_type.is_async:
            message = f"{use.step_type!r} is async, and a transaction needs a plain function; remove one of the two"
            yield subject.document.diagnostic("SM409", message, (*use.place, "transaction"), on="key")


_GOOD = """\
workflow: billing.collect
triggers:
  by_hand:
    manual: {}
    payload: {invoice_id: {type: string}}
steps:
  book:
    uses: billing.load_invoice
    transaction: true
    timeout: 10s
    next: complete
"""

RULE = Rule(
    code="SM409",
    name="async-transaction",
    severity=Severity.ERROR,
    summary="transaction is set for a step type that is an async function.",
    explanation=(
        "A transactional step gets a database connection that commits together with the record of its completion. "
        "That connection blocks, and would block every other async step of the worker."
    ),
    bad=_GOOD.replace("billing.load_invoice", "billing.fetch_rates"),
    good=_GOOD,
    check=_check,
)
