"""SM214: the defaults and choices of a payload field fulfil its own contract."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.errors import InvalidPayload
from squidmesh.model.payload import apply_contract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from squidmesh.authoring.document import Place
    from squidmesh.model.definition import Field

_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_REPEATED_GROUP = re.compile(r"\)\s*[*+{]|\\[1-9]|\(\?P=")
_REPEAT = re.compile(r"[*+{]")
_MOST_REPEATS = 2
_LONGEST_TEXT = 200
_LIMITS = (("minimum", "maximum"), ("min_length", "max_length"))


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, trigger in subject.workflow.triggers.items():
        for path, field in _below(trigger.payload, ("triggers", name, "payload")):
            for key, problem in _problems(field):
                yield subject.document.diagnostic("SM214", problem, (*path, *key))


def _below(fields: Mapping[str, Field], path: Place) -> Iterator[tuple[Place, Field]]:
    todo = [((*path, name), field) for name, field in fields.items()]
    for place, field in todo:
        yield place, field
        if field.items is not None:
            todo.append(((*place, "items"), field.items))
        for name, inner in (field.properties or {}).items():
            todo.append(((*place, "properties", name), inner))


def _problems(field: Field) -> Iterator[tuple[Place, str]]:
    for low, high in _LIMITS:
        smallest, largest = getattr(field, low), getattr(field, high)
        if smallest is not None and largest is not None and smallest > largest:
            yield (high,), f"no value is at least {smallest} and at most {largest}; change {low!r} or {high!r}"
            return
    if field.has_default:
        for problem in _refusals(field, {"value": field.default}):
            yield ("default",), f"the default{problem}"
    if field.dynamic_default is not None:
        for problem in _refusals(field, {}):  # what is not given is that moment
            yield ("default",), f"the default{problem}"
    plain = dataclasses.replace(field, enum=None, has_default=False, default=None, dynamic_default=None)
    for index, member in enumerate(field.enum or ()):
        for problem in _refusals(plain, {"value": member}):
            yield ("enum", index), f"the choice{problem}"


def _without_slow_patterns(field: Field, value: Any) -> Field:
    """Return the field without the patterns whose matching could take for ever on a text chosen for it."""
    pattern, properties = field.pattern, field.properties
    if pattern is not None and (_is_wild(pattern) or len(str(value)) > _LONGEST_TEXT):
        pattern = None
    return dataclasses.replace(
        field,
        pattern=pattern,
        items=_without_slow_patterns(field.items, value) if field.items else None,
        properties=properties and {name: _without_slow_patterns(inner, value) for name, inner in properties.items()},
    )


def _is_wild(pattern: str) -> bool:
    return bool(_REPEATED_GROUP.search(pattern)) or len(_REPEAT.findall(pattern)) > _MOST_REPEATS


def _refusals(field: Field, given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a given value by the contract of ``field``, to follow what the value is called."""
    try:
        apply_contract({"value": _without_slow_patterns(field, given.get("value"))}, given, _ANY_MOMENT)
    except InvalidPayload as error:
        places = ((path.removeprefix("value").lstrip("."), problem) for path, problem in error.fields.items())
        return [f", at {place}: {problem:.200}" if place else f" {problem:.200}" for place, problem in places]
    return []


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand:
    manual: {}
    payload:
      tone: {type: string, enum: [friendly, firm], default: friendly}
steps:
  remind: {uses: billing.remind, next: complete}
"""

RULE = Rule(
    code="SM214",
    name="payload-contract",
    severity=Severity.ERROR,
    summary="A payload field's default, choices or limits contradict its own contract.",
    explanation=(
        "Defaults are checked like any other value when a run starts, so a default that the field itself refuses "
        "makes every start fail that relies on it. Limits that exclude each other make every start fail."
    ),
    bad=_GOOD.replace("default: friendly", "default: gentle"),
    good=_GOOD,
    check=_check,
)
