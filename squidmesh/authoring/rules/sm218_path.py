"""SM218: a path into the data is not keys joined by dots."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}, payload: {invoice: {type: map}}}
steps:
  remind: {uses: billing.remind, input: {invoice_id: invoice.id}, next: complete}
"""

RULE = Rule(
    code="SM218",
    name="path",
    severity=Severity.ERROR,
    summary="A path into the data is not keys joined by dots.",
    explanation=(
        "Paths only look values up, such as order.items.0.sku: brackets, spaces and expressions have no meaning "
        "in them. A list of inputs takes plain keys; a mapping gives a deeper value its name."
    ),
    bad=_GOOD.replace("invoice.id", "'invoice[id]'"),
    good=_GOOD,
)
