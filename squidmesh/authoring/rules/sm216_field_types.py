"""SM216: triggers that declare one field agree on its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import FieldType


def _check(subject: Subject) -> Iterator[Diagnostic]:
    first: dict[str, tuple[str, FieldType]] = {}
    for trigger_name, trigger in subject.workflow.triggers.items():
        for name, field in trigger.payload.items():
            other, kind = first.setdefault(name, (trigger_name, field.type))
            if kind is field.type:
                continue
            message = f"{name!r} is {field.type.value} here and {kind.value} in trigger {other!r}; declare one type"
            declared = subject.document.value_span(("triggers", other, "payload", name, "type"))
            path = ("triggers", trigger_name, "payload", name, "type")
            yield subject.document.diagnostic("SM216", message, path, related=(("first declared here", declared),))


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand:
    manual: {}
    payload:
      invoice_id: {type: string}
  nightly:
    cron: "0 3 * * *"
    payload:
      invoice_id: {type: string, required: false}
steps:
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM216",
    name="field-types",
    severity=Severity.ERROR,
    summary="Two triggers declare one payload field with different types.",
    explanation=(
        "Steps do not know which trigger started their run. A field that is text in one run and a number in the next "
        "breaks expressions and callables in a way that shows only in production."
    ),
    bad=_GOOD.replace("{type: string, required: false}", "{type: integer, required: false}"),
    good=_GOOD,
    check=_check,
)
