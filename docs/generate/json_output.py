"""The page of what commands print with ``--json``, from its JSON Schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from markdown import table

from squidmesh.authoring.schema_file import OUTPUT_FILE_NAME, schema_text

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = "reference/json-output.md"
_TEXT = """\
# Output for scripts

Commands that print facts take `--json`. Its shape is a JSON Schema, `squidmesh schema --output`, of the number
`{number}`: keys are never renamed or removed under this number; new ones may be added.

{commands}

{definitions}
"""


def render() -> str:
    """Return the page."""
    schema = json.loads(schema_text(OUTPUT_FILE_NAME))
    commands = [(f"`squidmesh {name} --json`", _kind(value)) for name, value in schema["commands"].items()]
    return _TEXT.format(
        number=schema["$id"],
        commands=table(("command", "prints"), commands),
        definitions="\n\n".join(_definition(name, value) for name, value in schema["definitions"].items()),
    )


def _definition(name: str, value: Mapping[str, Any]) -> str:
    parts = [f"## {name}"]
    if "description" in value:
        parts.append(value["description"])
    if "enum" in value:
        parts.append("One of " + ", ".join(f"`{item}`" for item in value["enum"]) + ".")
    if "properties" in value:
        rows = [(f"`{key}`", _kind(item), item.get("description", "")) for key, item in value["properties"].items()]
        parts.append(table(("key", "value", "meaning"), rows))
    return "\n\n".join(parts)


def _kind(value: Mapping[str, Any]) -> str:
    """Return what stands there: another definition, a list of such, or the types of JSON."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "enum" in value:
        return ", ".join(f"`{item}`" for item in value["enum"])
    for key in ("anyOf", "oneOf"):
        if key in value:
            return " or ".join(_kind(item) for item in value[key])
    types = value.get("type", "anything")
    text = types if isinstance(types, str) else " or ".join(types)
    if "items" in value:
        return text.replace("array", f"array of {_kind(value['items'])}")
    return f"{text} ({value['format']})" if "format" in value else text
