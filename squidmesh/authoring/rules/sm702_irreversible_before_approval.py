"""SM702: a person is asked before the irreversible step, not after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.registered import calls
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import provisions
from squidmesh.model.definition import Approval

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if is_mixed(subject):
        return
    reach = provisions(subject).reach
    final = reach.mask(use.name for use in calls(subject) if use.action.irreversible and use.name)
    for name, step in subject.workflow.steps.items():
        before = final & reach.before(name)
        if isinstance(step.action, Approval) and before:
            first = reach.first(before)
            message = f"a rejection here comes too late: {first!r} cannot be undone any more; ask before that step"
            related = (("irreversible", subject.document.key_span(("steps", first, "irreversible"))),)
            yield subject.document.diagnostic(
                "SM702", message, ("steps", name, "approval"), on="key", severity=Severity.WARNING, related=related
            )


_GOOD = """\
workflow: people.erase
triggers:
  by_hand: {manual: {}}
steps:
  decide:
    approval: {title: Erase this person?}
    next: {ok: erase, error: complete}
  erase:
    uses: people.erase
    irreversible: true
    next: complete
"""

RULE = Rule(
    code="SM702",
    name="irreversible-before-approval",
    severity=Severity.WARNING,
    summary="An approval that could be rejected comes after an irreversible step.",
    explanation=(
        "Whoever rejects expects that nothing has happened, or that it is taken back. An irreversible step that ran "
        "before cannot be."
    ),
    bad="""\
workflow: people.erase
triggers:
  by_hand: {manual: {}}
steps:
  erase:
    uses: people.erase
    irreversible: true
    next: decide
  decide:
    approval: {title: Erase this person?}
    next: {ok: complete, error: complete}
""",
    good=_GOOD,
    check=_check,
)
