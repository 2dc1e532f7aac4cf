"""The JSON Schemas as they are shipped: of a workflow file, and of what commands print with ``--json``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.resources.abc import Traversable

FILE_NAME = "workflow.schema.json"
OUTPUT_FILE_NAME = "output.schema.json"


def schema_text(name: str = FILE_NAME) -> str:
    """Return the text of a schema, that of a workflow file if no other is named."""
    return _file(name).read_text(encoding="utf-8")


def schema_with_step_types(names: Sequence[str]) -> str:
    """Return the text of a schema that offers these step types as the choices of ``uses``."""
    schema = json.loads(schema_text())
    if names:
        schema["definitions"]["step_type"]["enum"] = list(names)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@cache
def read_schema() -> Any:
    """Return the schema of a workflow file; not to be changed."""
    return json.loads(schema_text())


@cache
def known_keys() -> frozenset[str]:
    """Return every key that has a meaning somewhere in a workflow file."""
    return frozenset(_keys(read_schema()))


def _file(name: str) -> Traversable:
    """Return a schema of an installed package, or of the checkout around it."""
    installed = files("squidmesh") / "schemas" / name
    return installed if installed.is_file() else Path(__file__).parents[2] / "schemas" / name


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        properties = node.get("properties")
        yield from properties if isinstance(properties, dict) else ()
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _keys(inner)
