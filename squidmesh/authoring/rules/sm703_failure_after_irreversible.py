"""SM703: a failure after an irreversible step leads somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.registered import calls
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import provisions
from squidmesh.model.definition import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if is_mixed(subject):
        return
    reach = provisions(subject).reach
    final = reach.mask(use.name for use in calls(subject) if use.action.irreversible and use.name)
    for use in calls(subject):
        handled = use.step.allow_failure or bool(use.step.next and use.step.next.error)
        if handled or use.name is None:
            continue
        before = final & reach.before(use.name) & ~reach.bits[use.name]
        if before:
            first = reach.first(before)
            routed = subject.graph.shape is Shape.ROUTED
            remedy = "add an 'error' route" if routed else "set 'allow_failure', or do it before"
            message = f"if {use.name!r} fails, the run fails though {first!r} cannot be undone; {remedy}"
            related = (("irreversible", subject.document.key_span(("steps", first, "irreversible"))),)
            yield subject.document.diagnostic(
                "SM703", message, ("steps", use.name), on="key", severity=Severity.WARNING, related=related
            )


_GOOD = """\
workflow: people.erase
triggers:
  by_hand: {manual: {}}
steps:
  erase:
    uses: people.erase
    irreversible: true
    next: confirm
  confirm:
    uses: people.confirm
    next: {ok: complete, error: tell_operator}
  tell_operator:
    log: {message: The confirmation was not sent, level: error}
    next: complete
"""

RULE = Rule(
    code="SM703",
    name="failure-after-irreversible",
    severity=Severity.WARNING,
    summary="A step that may fail comes after an irreversible one and has no error route.",
    explanation=(
        "When a run fails, what completed is compensated, back to the last irreversible step and no further. A failure "
        "after it leaves the work half done, so the file should say how it goes on from there."
    ),
    bad=_GOOD.replace("{ok: complete, error: tell_operator}", "tell_operator"),
    good=_GOOD,
    check=_check,
)
