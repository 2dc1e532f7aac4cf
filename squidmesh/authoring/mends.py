"""What stands in for a broken part of a file, by its place, so that the rest of the file can still be checked.

A stand-in says as little as it can. Where it would mislead rules, since what the author meant decides what they find,
it names them: they stay silent until the part is mended.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.findings import EXCLUDED
from squidmesh.authoring.wrong_values import TYPE_SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.document import Place
    from squidmesh.authoring.findings import Finding


class _Nothing(Enum):
    """What stays itself however often it is copied."""

    LEFT_OUT = auto()


LEFT_OUT = _Nothing.LEFT_OUT
# Codes, or how they begin, of the rules that look at what a part says.
_DATA = ("SM404", "SM405", "SM502", "SM503", "SM504", "SM505", "SM506", "SM704")
_WAYS = (*_DATA, "SM301", "SM302", "SM305", "SM306", "SM307", "SM312", "SM313", "SM314", "SM702", "SM703", "SM707")
_INPUT = ("SM217", "SM404", "SM405", "SM407")
_TYPES = ("SM216", "SM405", "SM503", "SM504", "SM505", "SM506")
_DEADLINES = ("SM310", "SM311", "SM707")
_STEPS = ("SM3", "SM4", "SM5", "SM7")
_ALLOWED = ("SM506", "SM604")

_NO_STEP: dict[str, Any] = {"wait": "0s"}
_BROKEN_KINDS: dict[str, Any] = {"log": {"message": "-"}, "wait": "0s", "pause": {}, "approval": {}}
_ANY_TRIGGER: dict[str, Any] = {"manual": {}}
_ANY_FIELD: dict[str, Any] = {"type": "map"}
_MISSING: dict[str, tuple[Any, tuple[str, ...]]] = {
    "workflow": ("workflow", ()),
    "triggers": ({"trigger": _ANY_TRIGGER}, _DATA),
    "steps": ({"step": _NO_STEP}, _STEPS),
    "message": ("-", ()),
    "to": ("complete", _WAYS),
    "type": ("map", _TYPES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """``value`` goes to ``path`` (``LEFT_OUT``: nothing does), and ``misled`` are the rules to silence ``within``."""

    path: Place
    value: Any = LEFT_OUT
    misled: tuple[str, ...] = ()
    within: Place = ()


def mends_for(finding: Finding, data: Any) -> tuple[Mend, ...]:
    """Return what makes a finding's part of ``data`` such that it can be compiled."""
    if finding.on_key and finding.code in EXCLUDED:
        return (Mend(path=finding.path, misled=_WAYS if "next" in finding.path else ()),)
    match finding.path:
        case ("steps", step, "uses"):  # what else it says belongs to no wait, and is left out after another look
            return Mend(path=finding.path), Mend(path=("steps", step, "wait"), value="0s", misled=_DATA)
    if finding.code == "SM203":
        return tuple(_complete(finding.path, at(data, finding.path)))
    return (_below(finding, data) if finding.path[0] in {"steps", "triggers"} else _on_the_whole(finding),)


def at(data: Any, path: Place) -> Any:
    """Return what stands at a path of the data; None if it leads nowhere."""
    for segment in path:
        in_list = isinstance(data, list) and isinstance(segment, int) and segment < len(data)
        if not in_list and not (isinstance(data, dict) and segment in data):
            return None
        data = data[segment]
    return data


def _complete(path: Place, value: Any) -> Iterator[Mend]:
    """Yield what a mapping lacks at a place."""
    match path:
        case ():
            names: tuple[str, ...] = ("workflow", "triggers", "steps")
        case ("steps", _, "log"):
            names = ("message",)
        case ("steps", _, "next", *_):
            names = ("to",)
        case ("triggers", _, "payload", *_):
            names = ("type",)
        case ("steps", step, "wait"):
            yield Mend(path=("steps", step, "wait"), value="0s")
            return
        case _:
            yield _part_of_step(path)
            return
    for name in names:
        if not isinstance(value, dict) or name not in value:
            yield Mend(path=(*path, name), value=_MISSING[name][0], misled=_MISSING[name][1])


def _on_the_whole(finding: Finding) -> Mend:
    path = finding.path
    if path[0] not in {"workflow", "on_failure"}:
        return Mend(path=_key_of(path))
    if path == ("workflow",):
        return Mend(path=path, value="workflow")
    return _part_of_step(path)


def _below(finding: Finding, data: Any) -> Mend:
    path = finding.path
    match path:
        case ("steps",) | ("triggers",):
            stand_in, misled = _MISSING[str(path[0])]
            return Mend(path=path, value=stand_in, misled=misled)
        case ("triggers", *_):
            return _trigger(finding, data)
        case ("steps", _):
            return _step(finding)
        case ("steps", _, "next", *_):
            return _route(path, at(data, path))
        case ("steps", _, "after", *_):
            return _dependency(path, at(data, path))
    return _part_of_step(path)


def _trigger(finding: Finding, data: Any) -> Mend:
    path = finding.path
    match path:
        case (_, _) if finding.code == "SM206":
            return Mend(path=(*path, "manual"), value={})
        case (_, _):
            return Mend(path=path, value=_ANY_TRIGGER, misled=_DATA)
        case (_, _, "manual"):
            return Mend(path=path, value={})
        case (_, _, "cron"):
            return Mend(path=path, value="0 0 * * *")
        case (_, _, "payload"):
            return Mend(path=path, misled=_DATA)
        case (_, _, "payload", *_):
            return _field(path, at(data, path))
    return Mend(path=_key_of(path))


def _field(path: Place, value: Any) -> Mend:
    """Mend a payload field, or a part of one; fields have fields below ``properties`` and ``items``."""
    is_field = len(path) == 4 or path[-2] == "properties" or path[-1] == "items"  # noqa: PLR2004 - of a trigger's payload
    if is_field:
        return Mend(path=path, value=_ANY_FIELD, misled=(*_TYPES, *_ALLOWED))
    if path[-1] == "type":
        meant = TYPE_SYNONYMS.get(value) if isinstance(value, str) else None
        return Mend(path=path, value=meant or "map", misled=() if meant else _TYPES)
    return Mend(path=_key_of(path), misled=_ALLOWED if path[-1] in {"default", "required"} else ())


def _step(finding: Finding) -> Mend:
    if finding.code == "SM205":
        return Mend(path=(*finding.path, "wait"), value="0s", misled=_DATA)
    return Mend(path=finding.path, value=_NO_STEP, misled=_WAYS)


def _route(path: Place, value: Any) -> Mend:
    match path[-1]:
        case int() if isinstance(value, str):
            return Mend(path=path, value={"to": value})
        case "when" | "recovery":
            return Mend(path=path, misled=("SM312", "SM313"))
    return Mend(path=path, value={"to": "complete"} if isinstance(path[-1], int) else "complete", misled=_WAYS)


def _dependency(path: Place, value: Any) -> Mend:
    if isinstance(value, str) and path[-1] == "after":
        return Mend(path=path, value=[value])
    return Mend(path=path, misled=_WAYS)


def _part_of_step(path: Place) -> Mend:
    """Mend a part of a step, or of ``on_failure``, which may be missed altogether."""
    step, rest = (path[:2], path[2:]) if path[0] == "steps" else (path[:1], path[1:])
    match rest:
        case (str(kind),) if kind in _BROKEN_KINDS:
            return Mend(path=path, value=_BROKEN_KINDS[kind], misled=_DEADLINES)
        case ("log", "message"):
            return Mend(path=path, value="-")
        case ("wait", *_):
            return Mend(path=(*step, "wait"), value="0s", misled=("SM707",))
        case ("pause" | "approval", _):
            return Mend(path=path, misled=_DEADLINES)
        case ("input", *_) | ("with", *_):
            return Mend(path=path, misled=_INPUT, within=step)
        case ("output",):
            return Mend(path=path, misled=_DATA)
        case ("irreversible",):
            return Mend(path=path, misled=("SM701", "SM702", "SM703"))
        case ("uses",) | ():
            return Mend(path=step)
    return Mend(path=(*step, rest[0]))


def _key_of(path: Place) -> Place:
    """Return the path of the key that a place belongs to, where a list is one value."""
    while isinstance(path[-1], int):
        path = path[:-1]
    return path
