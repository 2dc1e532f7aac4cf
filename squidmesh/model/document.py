"""A ``Workflow`` as plain JSON data and back, and the hash that identifies it.

The document follows the fields of the values in ``definition.py``: a dataclass is an object whose fields
at their default, or computed from others, are left out, a duration is its text, an action is
``{kind: {...}}``. Steps and triggers keep their order in the stored document; the hash is taken over sorted
keys, so that neither their order nor anything else about the file's layout changes it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from functools import cache
from typing import Any, Union

from squidmesh.model import definition
from squidmesh.model.definition import Routes, Workflow
from squidmesh.model.duration import format_duration, parse_duration

_ACTION_KINDS: dict[str, type] = {
    "uses": definition.Uses,
    "log": definition.Log,
    "wait": definition.Wait,
    "pause": definition.Pause,
    "approval": definition.Approval,
}
_ACTION_NAMES = {kind: name for name, kind in _ACTION_KINDS.items()}


def to_document(workflow: Workflow) -> dict[str, Any]:
    """Return the workflow as JSON-ready data, in the file's order."""
    document: dict[str, Any] = _dump(workflow)
    return document


def from_document(document: Mapping[str, Any]) -> Workflow:
    """Return the workflow that ``to_document`` wrote."""
    return typing.cast("Workflow", _load(Workflow, document))


def definition_hash(workflow: Workflow) -> str:
    """Return the SHA-256 (hex) of the workflow's canonical JSON: sorted keys, no white space, UTF-8."""
    canonical = json.dumps(to_document(workflow), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def routes_to_document(routes: Routes) -> dict[str, Any]:
    """Return a step's routes as JSON-ready data."""
    document: dict[str, Any] = _dump(routes)
    return document


def routes_from_document(document: Mapping[str, Any]) -> Routes:
    """Return the routes that ``routes_to_document`` wrote."""
    return typing.cast("Routes", _load(Routes, document))


def _dump(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        content = {
            field.name: _dump(inner)
            for field in dataclasses.fields(value)
            if field.init and (inner := getattr(value, field.name)) != _default(field)
        }
        name = _ACTION_NAMES.get(type(value))
        return {name: content} if name else content
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _dump(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_dump(inner) for inner in value]
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _load(hint: Any, data: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _load_union(arguments, data)
    if origin is tuple:
        return tuple(_load(arguments[0], inner) for inner in data)
    if origin is not None and issubclass(origin, Mapping):
        return {key: _load(arguments[1], inner) for key, inner in data.items()}
    if hint is timedelta:
        return parse_duration(data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = _hints(hint)
        return hint(**{key: _load(hints[key], inner) for key, inner in data.items()})
    return data


def _load_union(members: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    if definition.Uses in members:
        ((name, content),) = data.items()
        return _load(_ACTION_KINDS[name], content)
    (member,) = (member for member in members if member is not types.NoneType)
    return _load(member, data)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
