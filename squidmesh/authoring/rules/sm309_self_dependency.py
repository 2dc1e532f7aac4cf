"""SM309: no step leads to itself or waits for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import edges
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for edge in edges(subject):
        if edge.name != edge.step:
            continue
        if edge.outcome == "after":
            message = f"{edge.step!r} waits for itself and would never start; name another step"
        else:
            message = f"{edge.step!r} leads to itself; to try again, give it a retry policy"
        yield subject.document.diagnostic("SM309", message, edge.path)


_GOOD = """\
workflow: shop.order
triggers:
  by_hand: {manual: {}}
steps:
  reserve: {uses: shop.reserve}
  charge: {uses: shop.charge, after: [reserve]}
  ship: {uses: shop.ship, after: [charge]}
"""

RULE = Rule(
    code="SM309",
    name="self-dependency",
    severity=Severity.ERROR,
    summary="A step leads to itself or waits for itself.",
    explanation=(
        "A step that waits for itself never starts. A step that should be tried again has a retry policy and raises "
        "RetryStep: its attempts are counted, spaced and shown."
    ),
    bad=_GOOD.replace("after: [reserve]", "after: [reserve, charge]"),
    good=_GOOD,
    check=_check,
)
