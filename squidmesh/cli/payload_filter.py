"""``--where FIELD=VALUE``: what the payload of a run must contain, read by the declared types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.payload import read_value
from squidmesh.model.definition import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from squidmesh.mesh import SquidMesh
    from squidmesh.model.definition import Field, Workflow

_OPTION = "--where"


def read_where(mesh: SquidMesh, pairs: Sequence[str], workflow: str | None) -> dict[str, Any] | None:
    """Return the fields and values that ``--where`` names, None without any; dots lead into maps.

    A value is read by the type that the loaded workflows (the one named, if one is) declare for the field; one
    that none of them declares, and one inside a map, as JSON, or else as text.
    """
    if not pairs:
        return None
    loaded = [found for name, found in mesh.workflows.items() if workflow in {None, name}]
    wanted: dict[str, Any] = {}
    for pair in pairs:
        path, value = _read(pair, loaded)
        _put(wanted, path, value)
    return wanted


def _read(pair: str, loaded: Iterable[Workflow]) -> tuple[list[str], Any]:
    written, separator, text = pair.partition("=")
    path = written.split(".")
    if not separator or not all(path):
        raise click.BadParameter(f"{pair!r}: write FIELD=VALUE", param_hint=_OPTION)
    field = _field(path[0], loaded)
    if field is not None and len(path) == 1:
        return path, read_value(text, field)
    if field is not None and field.type is not FieldType.MAP:
        problem = f"{written!r}: workflows declare {path[0]!r} as {field.type.value}, and only a map has fields inside"
        raise click.BadParameter(problem, param_hint=_OPTION)
    try:
        return path, json.loads(text)
    except (ValueError, RecursionError):
        return path, text


def _field(name: str, loaded: Iterable[Workflow]) -> Field | None:
    """Return how the loaded workflows declare a field, None if none does."""
    fields = {field.type: field for field in _declared(name, loaded)}
    if len(fields) > 1:
        kinds = " and ".join(sorted(kind.value for kind in fields))
        problem = f"workflows declare {name!r} as {kinds}: say which one is meant by --workflow"
        raise click.BadParameter(problem, param_hint=_OPTION)
    return next(iter(fields.values()), None)


def _put(wanted: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Add a value at its path; what is asked of one place twice can hold of no run."""
    *outer, last = path
    for name in outer:
        wanted = wanted.setdefault(name, {})
        if not isinstance(wanted, dict):
            break
    if not isinstance(wanted, dict) or last in wanted:
        raise click.BadParameter(f"{'.'.join(path)!r}, or what is around it, is asked for twice", param_hint=_OPTION)
    wanted[last] = value


def _declared(name: str, loaded: Iterable[Workflow]) -> Iterable[Field]:
    for workflow in loaded:
        for trigger in workflow.triggers.values():
            if name in trigger.payload:
                yield trigger.payload[name]
