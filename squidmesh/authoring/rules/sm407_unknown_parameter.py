"""SM407: what is passed to a callable is something that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import Use, calls
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import find_step_type
from squidmesh.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.document import Place


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use in calls(subject):
        step_type = find_step_type(subject, use.step_type)
        if step_type is None or step_type.accepts_rest:
            continue
        names = tuple(parameter.name for parameter in step_type.parameters)
        for name, path in _passed(subject, use):
            if name not in names:
                takes = f"it takes {', '.join(names)}" if names else "it takes nothing by name"
                near = suggestion(name, names)
                message = f"{use.step_type!r} has no parameter {name!r}{near or f'; {takes}'}"
                on_key = path[-2] == "with" or not isinstance(path[-1], int)
                yield subject.document.diagnostic(
                    "SM407", message, path, severity=Severity.WARNING, on="key" if on_key else "value"
                )


def _passed(subject: Subject, use: Use) -> Iterator[tuple[str, Place]]:
    data = subject.document.data
    for segment in use.place:
        data = data[segment]
    listed = isinstance(data.get("input"), list)
    for index, name in enumerate(use.step.input or ()):
        yield name, (*use.place, "input", index if listed else name)
    for name in use.action.constants:
        yield name, (*use.place, "with", name)


_GOOD = """\
workflow: billing.collect
triggers:
  by_hand:
    manual: {}
    payload: {invoice_id: {type: string}, amount: {type: integer}}
steps:
  charge:
    uses: billing.charge
    input: [invoice_id, amount]
    with: {currency: USD}
    next: complete
"""

RULE = Rule(
    code="SM407",
    name="unknown-parameter",
    severity=Severity.WARNING,
    summary="input or with names a parameter that the callable does not have.",
    explanation=(
        "What a callable does not take is dropped without a word, unless it has **kwargs. A misspelt optional "
        "parameter would leave its default in force."
    ),
    bad=_GOOD.replace("currency: USD", "curency: USD"),
    good=_GOOD,
    check=_check,
)
