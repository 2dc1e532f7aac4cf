"""SM303: routes and dependencies name steps that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import Edge, edges
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.errors import suggestion
from squidmesh.model.definition import COMPLETE, RESERVED_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView

_ENDINGS = {"completed", "done", "end", "exit", "finish", "finished", "stop", "success", "succeed"}


def _check(subject: Subject) -> Iterator[Diagnostic]:
    steps = dict(subject.workflow.steps).keys()
    for edge in edges(subject):
        message = _problem(edge, steps)
        if message:
            yield subject.document.diagnostic("SM303", message, edge.path)


def _problem(edge: Edge, steps: KeysView[str]) -> str | None:
    if edge.name in steps:
        return None
    if edge.outcome == "after":
        if edge.name in RESERVED_STEPS:
            return f"{edge.name!r} is where routes end, not a step to wait for; name a step"
        return f"there is no step {edge.name!r} to wait for{suggestion(edge.name, steps)}"
    if edge.name in RESERVED_STEPS:
        return None
    if edge.name in _ENDINGS:
        return f"there is no step {edge.name!r}; write {COMPLETE!r} to end the run"
    return f"there is no step {edge.name!r} to go to{suggestion(edge.name, (*steps, *RESERVED_STEPS))}"


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  load: {uses: billing.load_invoice, next: remind}
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM303",
    name="unknown-target",
    severity=Severity.ERROR,
    summary="A route or a dependency names a step that does not exist.",
    explanation=(
        "next and after take the names of steps in the same file; a route may also end the run with complete or fail."
    ),
    bad=_GOOD.replace("next: remind", "next: remnid"),
    good=_GOOD,
    check=_check,
)
