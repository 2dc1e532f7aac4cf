"""SM202, SM208, SM211, SM218: values of the wrong type, form or size."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand:
    manual: {}
    payload:
      invoice: {type: map}
steps:
  remind:
    uses: billing.remind
    input: {invoice_id: invoice.id}
    timeout: 30s
    retry: {max_attempts: 3}
    next: complete
"""

RULES = (
    Rule(
        code="SM202",
        name="wrong-type",
        severity=Severity.ERROR,
        summary="A value is not of the type that its key takes.",
        explanation=(
            'Texts that look like numbers need quotes (version: "1.0"), and YAML 1.2 reads yes, no, on and off as '
            "text: write true or false."
        ),
        bad=_GOOD.replace("invoice: {type: map}", "invoice: {type: map, sensitive: yes}"),
        good=_GOOD.replace("invoice: {type: map}", "invoice: {type: map, sensitive: true}"),
    ),
    Rule(
        code="SM208",
        name="duration",
        severity=Severity.ERROR,
        summary="A duration has no unit, or is none.",
        explanation=(
            "A bare 30 is seconds to one reader and milliseconds to another. Durations are whole numbers with a unit: "
            "250ms, 5s, 10m, 2h, 1d."
        ),
        bad=_GOOD.replace("30s", "30"),
        good=_GOOD,
    ),
    Rule(
        code="SM211",
        name="bad-value",
        severity=Severity.ERROR,
        summary="A value is not among those that its key takes.",
        explanation="The key takes one of a few words, or a number or a list within limits; the message names them.",
        bad=_GOOD.replace("max_attempts: 3", "max_attempts: 0"),
        good=_GOOD,
    ),
    Rule(
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
    ),
)
