"""``--where FIELD=VALUE``: what the payload of a run must contain, read by the declared types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.payload import read_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from squidmesh.mesh import SquidMesh
    from squidmesh.model.definition import Field, Workflow

_OPTION = "--where"


def read_where(mesh: SquidMesh, pairs: Sequence[str], workflow: str | None) -> dict[str, Any] | None:
    """Return the fields and values that ``--where`` names, None without any.

    A value is read by the type that the loaded workflows (the one named, if one is) declare for the field; one
    that none of them declares as JSON, or else as text.
    """
    if not pairs:
        return None
    loaded = [found for name, found in mesh.workflows.items() if workflow in {None, name}]
    return dict(_read(pair, loaded) for pair in pairs)


def _read(pair: str, loaded: Iterable[Workflow]) -> tuple[str, Any]:
    name, separator, text = pair.partition("=")
    if not separator or not name:
        raise click.BadParameter(f"{pair!r}: write FIELD=VALUE", param_hint=_OPTION)
    fields = {field.type: field for field in _declared(name, loaded)}
    if len(fields) > 1:
        kinds = " and ".join(sorted(kind.value for kind in fields))
        problem = f"workflows declare {name!r} as {kinds}: say which one is meant by --workflow"
        raise click.BadParameter(problem, param_hint=_OPTION)
    for field in fields.values():
        return name, read_value(text, field)
    try:
        return name, json.loads(text)
    except (ValueError, RecursionError):
        return name, text


def _declared(name: str, loaded: Iterable[Workflow]) -> Iterable[Field]:
    for workflow in loaded:
        for trigger in workflow.triggers.values():
            if name in trigger.payload:
                yield trigger.payload[name]
