"""Values that the schema refuses, as findings that name the key and say what to write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.findings import Finding
from squidmesh.authoring.wording import describe, expected_kinds, label, quoted, wrong_type
from squidmesh.errors import suggestion
from squidmesh.model.definition import RESERVED_STEPS
from squidmesh.model.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from squidmesh.authoring.findings import Violation


# What people write for the type of a field who come from JSON Schema or from Python.
TYPE_SYNONYMS = {
    "number": "float",
    "double": "float",
    "int": "integer",
    "str": "string",
    "text": "string",
    "bool": "boolean",
    "object": "map",
    "dict": "map",
    "array": "list",
}
_TARGETS = frozenset({"next", "route", "error route", "target"})


def bad_name(violation: Violation) -> Finding:
    """Return the finding for a key or value that is not named as names are."""
    if violation.title in _TARGETS or violation.path[2:3] == ("after",):
        return _no_step(violation)
    rule = str(violation.schema.get("description", "")).split(";", maxsplit=1)[0].rstrip(".")
    message = f"{quoted(violation.value)} is not a {violation.title or 'name'}: {rule[:1].lower()}{rule[1:]}"
    return Finding(code="SM209", message=message, path=violation.path, on_key=violation.is_key, harmless=True)


def _no_step(violation: Violation) -> Finding:
    steps, choice = [*_parts(violation.root, "steps")], "write a step"
    if violation.title in _TARGETS:
        steps, choice = [*steps, *RESERVED_STEPS], "write a step, complete or fail"
    hint = _meant_name(violation.value, steps)
    message = f"{quoted(violation.value)} is not the name of a step{hint}; {choice}"
    return Finding(code="SM209", message=message, path=violation.path, harmless=True)


def reserved_name(violation: Violation) -> Finding:
    """Return the finding for a name that means something else already."""
    names = ", ".join(violation.limit["enum"])
    message = f"{quoted(violation.value)} is reserved ({names}); choose another name"
    return Finding(code="SM210", message=message, path=violation.path, on_key=violation.is_key, harmless=True)


def wrong_value(violation: Violation) -> Finding:
    """Return the finding for a value of the wrong type, form or size."""
    name, path = label(violation.path), violation.path
    if violation.is_duration and violation.keyword in {"type", "pattern", "format"}:
        return Finding(code="SM208", message=_duration(name, violation.value), path=path)
    match violation.keyword:
        case "type" if not path:
            message = f"a workflow file is a mapping that begins with 'workflow: name', not {describe(violation.value)}"
            return Finding(code="SM202", message=message, path=path)
        case "type":
            return Finding(code="SM202", message=wrong_type(name, violation.limit, violation.value), path=path)
        case "pattern" if violation.title in {"path", "input key"}:
            return Finding(code="SM218", message=_path(violation), path=path)
        case "pattern":
            return bad_name(violation)
        case "const" if violation.title == "irreversible":
            message = "an irreversible step cannot be undone, so it is never compensatable; remove one of them"
            return Finding(code="SM213", message=message, path=path)
        case "format":
            return Finding(code="SM211", message=f"{name} is not a regular expression", path=path)
    return Finding(code="SM211", message=_refused(name, violation.keyword, violation.limit, violation.value), path=path)


def _duration(name: str, value: object) -> str:
    try:
        parse_duration(value)
    except ValueError as error:
        return f"{name}: {error}"
    return f"{name} must be longer than zero"


def _path(violation: Violation) -> str:
    if violation.title == "input key":
        hint = _meant_name(violation.value, [*_context_keys(violation.root)])
        more = "" if hint else "; to pass what stands deeper write a mapping: {name: path}"
        return f"{quoted(violation.value)} is not a context key{hint}{more}"
    return f"{quoted(violation.value)} is not a path: write keys joined by dots, such as order.items.0.sku"


def _refused(name: str, keyword: str, limit: Any, value: Any) -> str:
    match keyword:
        case "enum":
            return f"{name} must be one of {', '.join(map(str, limit))}, not {describe(value)}{_meant(value, limit)}"
        case "const":
            return f"{name} must be {limit}, not {describe(value)}"
        case "minimum":
            return f"{name} must be at least {limit}"
        case "maximum":
            return f"{name} must be at most {limit}"
        case "minItems" | "minProperties" | "minLength":
            return f"{name} must not be empty"
        case "maxLength":
            return f"{name} is longer than {limit} characters"
        case "maxProperties" if limit:
            return f"{name} takes one key only"
        case "maxProperties":
            return f"{name} takes nothing; write {{}}"
        case "uniqueItems":
            return f"{name} stands in the list already; remove it"
    return f"{name} is not accepted here; {expected_kinds(limit)} is expected"


def _meant_name(value: object, known: Sequence[str]) -> str:
    """Return which name was meant by one that is written as names are elsewhere: ``Send-Mail`` for ``send_mail``."""
    if not isinstance(value, str):
        return ""
    return suggestion(re.sub(r"[\s-]", "_", value.lower()), known)


def _context_keys(root: Any) -> Iterator[str]:
    """Yield the names that a file gives to values: payload fields and outputs."""
    for trigger in _parts(root, "triggers").values():
        yield from _parts(trigger, "payload")
    for step in _parts(root, "steps").values():
        if isinstance(step, dict) and isinstance(step.get("output"), str):
            yield step["output"]


def _parts(data: Any, key: str) -> Mapping[str, Any]:
    """Return a mapping within data of any shape; an empty one if there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _meant(value: object, known: Sequence[str]) -> str:
    if not isinstance(value, str):
        return ""
    synonym = TYPE_SYNONYMS.get(value)
    return f" (did you mean {synonym!r}?)" if synonym in known else suggestion(value, known)
