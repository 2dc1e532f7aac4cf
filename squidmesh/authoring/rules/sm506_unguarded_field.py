"""SM506: a field that a run may lack is tested before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.conditions import Condition, conditions, diagnose
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.expressions import ProblemKind, guarded_keys, references
from squidmesh.expressions.problem import problem_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOTS = ("payload", "context")


def _check(subject: Subject) -> Iterator[Diagnostic]:
    absent = _may_be_absent(subject)
    for condition in conditions(subject):
        if condition.problems:
            continue
        for root, key, offset in _unguarded(condition, absent):
            message = (
                f"{root}.{key} is absent where {absent[key]}, which fails the step; "
                f"write has({root}.{key}) && … before it"
            )
            length = len(root) + 1 + len(key)
            problem = problem_at(condition.text, ProblemKind.UNKNOWN_VARIABLE, message, offset, length)
            yield diagnose(subject, condition, problem, "SM506", Severity.WARNING)


def _unguarded(condition: Condition, absent: Mapping[str, str]) -> Iterator[tuple[str, str, int]]:
    """Yield the first use of each field that may be absent and that nothing in the condition asks about."""
    guarded = guarded_keys(condition.text)
    for root, named in references(condition.text).items():
        for key, offsets in named.keys.items():
            if root in _ROOTS and key in absent and key not in guarded:
                yield root, key, offsets[0]


def _may_be_absent(subject: Subject) -> dict[str, str]:
    """Return the payload fields that a run may lack, with the circumstance."""
    produced = {key for step in subject.workflow.steps.values() if (key := step.output)}
    triggers = subject.workflow.triggers
    absent: dict[str, str] = {}
    for trigger in triggers.values():
        for name, field in trigger.payload.items():
            if not field.required and not field.has_default and field.dynamic_default is None:
                absent.setdefault(name, "it is not given")
            for other, declared in triggers.items():
                if name not in declared.payload:
                    absent.setdefault(name, f"trigger {other!r} started the run")
    return {name: why for name, why in absent.items() if name not in produced}


_GOOD = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {note: {type: string, required: false}}
steps:
  refund:
    uses: shop.refund
    when: has(payload.note) && payload.note != 'hold'
    next: complete
"""

RULE = Rule(
    code="SM506",
    name="unguarded-field",
    severity=Severity.WARNING,
    summary="A condition uses a payload field that may be absent without asking has(...) first.",
    explanation=(
        "An optional field that is not given is absent, not null, and a condition that reads an absent field fails its "
        "step as expression_failed. Ask has(payload.field) first, or give the field a default."
    ),
    bad=_GOOD.replace("has(payload.note) && ", ""),
    good=_GOOD,
    check=_check,
)
