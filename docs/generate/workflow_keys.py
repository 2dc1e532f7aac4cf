"""The page of a workflow file's keys, from its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = "reference/workflow-file.md"
_SCHEMA = Path(__file__).parents[2] / "schemas" / "workflow.schema.json"
# The definitions that have keys of their own, in the order in which a reader meets them.
_SECTIONS = {
    "trigger": "A trigger",
    "field": "A payload field",
    "step": "A step",
    "next": "`next`",
    "transition": "An item of a list of routes",
    "error_transition": "An item of a list of `error` routes",
    "retry": "`retry`",
    "backoff": "`backoff`",
    "log": "`log`",
    "wait": "`wait`",
    "pause": "`pause`",
    "approval": "`approval`",
    "defaults": "`defaults`",
    "on_failure": "`on_failure`",
}
_WORDS = ("duration", "positive_duration", "path", "expression", "name", "workflow_name", "queue_name", "step_type")
# What JSON Schema calls otherwise than workflow files do.
_TYPES = {"object": "map", "array": "list", "number": "float"}
_TEXT = """\
# Keys of a workflow file

A file is YAML 1.2 and declares one workflow. Its shape is a JSON Schema, `squidmesh schema`, which editors use to
complete keys and show these texts; what a schema cannot say is checked by the [rules](rules.md).

A key with nothing after it means `{{}}` where that is allowed. A workflow is either routed (`next`) or a dependency
graph (`after`), never both.

## Top level

{top}

{sections}

## Kinds of values

{words}
"""


def render() -> str:
    """Return the page."""
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    known = schema["definitions"]
    sections = [
        f"## {title}\n\n{known[name]['description']}\n\n{_keys(known[name], known)}"
        for name, title in _SECTIONS.items()
    ]
    words = [(known[name]["title"], known[name]["description"]) for name in _WORDS]
    return _TEXT.format(top=_keys(schema, known), sections="\n\n".join(sections), words=table(("kind", "is"), words))


def _keys(node: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    return table(("key", "value", "default", "meaning"), _rows(node, known))


def _rows(node: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    required = node.get("required", ())
    for key, value in node["properties"].items():
        if value is False:  # there so that editors can say "not allowed here"
            continue
        default = "required" if key in required else f"`{json.dumps(value['default'])}`" if "default" in value else ""
        yield f"`{key}`", _kind(value, known), default, value["description"]


def _kind(value: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return what may stand there: a choice, the title of what the schema refers to, or its types."""
    if "enum" in value:
        return ", ".join(f"`{item}`" for item in value["enum"])
    for part in (value, *value.get("allOf", ())):
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            return str(known[name].get("title", name))
    types = value.get("type", "any value")
    listed = [types] if isinstance(types, str) else [item for item in types if item != "null"]
    return " or ".join(_TYPES.get(item, item) for item in listed)
