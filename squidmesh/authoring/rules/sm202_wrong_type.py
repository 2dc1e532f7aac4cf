"""SM202: a value is not of the type that its key takes."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}, payload: {invoice: {type: map, sensitive: true}}}
steps:
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM202",
    name="wrong-type",
    severity=Severity.ERROR,
    summary="A value is not of the type that its key takes.",
    explanation=(
        'Texts that look like numbers need quotes (version: "1.0"), and YAML 1.2 reads yes, no, on and off as '
        "text: write true or false."
    ),
    bad=_GOOD.replace("true", "yes"),
    good=_GOOD,
)
