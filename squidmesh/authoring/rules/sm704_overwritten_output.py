"""SM704: no step overwrites the output of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import provisions
from squidmesh.model.definition import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.reach import Reach


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if is_mixed(subject):
        return
    known = provisions(subject)
    owners: dict[str, list[str]] = {}
    for name, output in known.outputs.items():
        for key in output.keys:
            owners.setdefault(key, []).append(name)
    reported: set[str] = set()
    for key, names in owners.items():
        for later, earlier in _overwriting(subject, known.reach, names):
            if later not in reported:
                reported.add(later)
                yield _diagnose(subject, key, earlier, later)


def _overwriting(subject: Subject, reach: Reach, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each of the steps that can complete in one run with another of them, and the first such other."""
    parallel = subject.graph.shape is Shape.DEPENDENCY
    among = reach.mask(names)
    above = 0
    for name in names:
        before = above if parallel else among & reach.before(name) & ~reach.bits[name]
        if before:
            yield name, reach.first(before)
        above |= reach.bits[name]


def _diagnose(subject: Subject, key: str, earlier: str, later: str) -> Diagnostic:
    named = subject.workflow.steps[later].output is not None
    path = ("steps", later, "output") if named else ("steps", later)
    remedy = "name one of them differently" if named else "give each an 'output' of its own"
    message = f"{key!r} is also the output of {earlier!r}, which it overwrites; {remedy}"
    other = ("steps", earlier, "output") if subject.workflow.steps[earlier].output else ("steps", earlier)
    related = (("first stored here", subject.document.key_span(other)),)
    return subject.document.diagnostic(
        "SM704", message, path, on="value" if named else "key", severity=Severity.WARNING, related=related
    )


_GOOD = """\
workflow: shop.order
triggers:
  by_hand: {manual: {}}
steps:
  reserve: {uses: shop.reserve, output: reservation, next: charge}
  charge: {uses: shop.charge, output: charge, next: complete}
"""

RULE = Rule(
    code="SM704",
    name="overwritten-output",
    severity=Severity.WARNING,
    summary="Two steps of one run store their outputs under the same key.",
    explanation=(
        "The later output hides the earlier one from every step after it; of parallel steps the one that happens to "
        "complete last wins. Steps on routes that exclude each other may share a key."
    ),
    bad=_GOOD.replace("output: charge", "output: reservation"),
    good=_GOOD,
    check=_check,
)
