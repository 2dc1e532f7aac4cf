"""Keys that are unknown, missing or out of place, as findings that name the key; values go to ``wrong_values``."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.findings import Finding, violation_of
from squidmesh.authoring.schema_file import known_keys
from squidmesh.authoring.wording import label, quoted
from squidmesh.authoring.wrong_values import bad_name, reserved_name, wrong_value
from squidmesh.errors import closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jsonschema import ValidationError

    from squidmesh.authoring.document import Place
    from squidmesh.authoring.findings import Violation

STEP_KINDS = ("uses", "log", "wait", "pause", "approval")
TRIGGER_TYPES = ("manual", "cron")
# Keys that contradict others -> those others.
_CONFLICTS: dict[str, tuple[str, ...]] = {
    "compensate": ("irreversible", "compensatable"),
    "allow_failure": ("next",),
}
_MOST_KEYS_COMPARED = 50
_ALIKE = 0.75


def explain(error: ValidationError, data: Any) -> Iterator[Finding]:
    """Yield what an error of the validator means to the author of the file."""
    violation = violation_of(error, data)
    match violation.keyword:
        case "not" if violation.limit:
            yield reserved_name(violation)
        case "not":
            yield from _excluded_key(violation)
        case "additionalProperties":
            yield from _unknown_keys(violation)
        case "required":
            yield from _missing_keys(violation)
        case _ if violation.is_key:
            yield bad_name(violation)
        case _:
            yield wrong_value(violation)


def _unknown_keys(violation: Violation) -> Iterator[Finding]:
    known = sorted(violation.schema.get("properties", {}))
    for key in violation.value:
        if key in known:
            continue
        meant = closest(key, known)
        hint = f" (did you mean {meant!r}?)" if meant else f"; known here: {', '.join(known)}"
        if key == "on_deadline":
            hint = "; when the deadline of a pause passes, its route 'next.deadline' is taken"
        yield Finding(
            code="SM201",
            message=f"unknown key {quoted(key)}{hint}",
            path=(*violation.path, key),
            on_key=True,
            rename=meant if meant and meant not in violation.value and _is_alike(key, meant) else None,
        )


def _is_alike(key: str, meant: str) -> bool:
    """Return whether a key is so close to what was probably meant that its value may be read as that key's."""
    return difflib.SequenceMatcher(None, key, meant).ratio() >= _ALIKE


def _missing_keys(violation: Violation) -> Iterator[Finding]:
    match violation.limit:
        case ["approval"]:
            if not _misspelt(violation.value, STEP_KINDS):
                yield _without_kind(violation.path)
        case ["cron"]:
            if not _misspelt(violation.value, TRIGGER_TYPES):
                message = f"{label(violation.path)} has no type: add 'manual: {{}}' or 'cron: \"0 9 * * *\"'"
                yield Finding(code="SM206", message=message, path=violation.path, on_key=True)
        case names:
            # The validator reports each name by itself, all of them at one place.
            missing = [n for n in names if n not in violation.value and not _misspelt(violation.value, (n,))]
            if missing:
                message = f"{label(violation.path)} lacks {' and '.join(map(repr, missing))}"
                yield Finding(code="SM203", message=message, path=violation.path, on_key=True)


def _without_kind(path: Place) -> Finding:
    message = f"{label(path)} says nothing to do: add one of {', '.join(STEP_KINDS)}"
    return Finding(code="SM205", message=message, path=path, on_key=True)


def _misspelt(present: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Return whether an unknown key is close to one of ``names``: then that is the problem to report."""
    return any(key not in known_keys() and closest(key, names) for key in islice(present, _MOST_KEYS_COMPARED))


def _excluded_key(violation: Violation) -> Iterator[Finding]:
    key, parent = str(violation.path[-1]), violation.parent
    kinds = [kind for kind in STEP_KINDS if kind in parent]
    code, message = "SM212", _misplaced(key, parent, kinds)
    if key in STEP_KINDS and len(kinds) > 1:
        code, message = "SM204", f"a step does one thing, and this one has {kinds[0]} and {key}; make two steps of it"
    elif key == "cron":
        code, message = "SM207", "a trigger is manual or cron, not both; declare a second trigger"
    elif any(other in parent for other in _CONFLICTS.get(key, ())):
        code, message = "SM213", _conflict(key, parent)
    elif message is None:
        return  # a step without any kind: that is what is reported
    yield Finding(code=code, message=message or "", path=violation.path, on_key=True)


def _conflict(key: str, parent: Mapping[str, Any]) -> str:
    if key == "allow_failure":
        return "allow_failure belongs to dependency-based workflows; in a routed one declare next.error"
    if parent.get("irreversible") is True:
        return "an irreversible step cannot be undone, so it takes no compensate; remove one of them"
    return "compensatable: false says that nothing can undo the step, and compensate names what does; remove one"


def _misplaced(key: str, parent: Mapping[str, Any], kinds: Sequence[str]) -> str | None:
    if kinds:
        return f"{key!r} does not belong to a step of kind {kinds[0]}; remove it"
    if "manual" in parent:
        return f"{key!r} belongs to cron triggers; remove it"
    if key == "when":
        return "a condition needs a list of ways to go: [{when: …, to: …}, {to: …}]"
    if key == "recovery":
        return "'recovery' belongs to error routes; remove it"
    if "to" in parent:
        return f"{key!r} cannot stand beside 'to'; write next: {{ok: …, error: …}}"
    if key in {"required", "default"}:
        return f"{key!r} has no meaning for the items of a list; remove it"
    if "type" in parent:
        return f"{key!r} does not apply to a field of this type; remove it"
    return None
