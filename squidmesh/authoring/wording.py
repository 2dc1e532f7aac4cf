"""How values, places and expectations are put into words."""

from __future__ import annotations

from typing import Any

_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_OLD_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_LONGEST = 60


def quoted(text: object) -> str:
    """Return a text in quotes, shortened."""
    whole = str(text)
    return repr(whole if len(whole) <= _LONGEST else whole[: _LONGEST - 1] + "…")


def label(path: tuple[str | int, ...]) -> str:
    """Return how a place of the file is called: its key, or the item of a list."""
    if not path:
        return "the workflow"
    last = path[-1]
    if isinstance(last, int):
        return f"item {last + 1} of {label(path[:-1])}"
    return quoted(last)


def describe(value: Any) -> str:
    """Return what a value is, in a few words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {quoted(value)}"
        case int() | float():
            return f"the number {value}"[:_LONGEST]
        case list():
            return "a list"
        case _:
            return "a mapping"


def expected_kinds(types: Any) -> str:
    """Return JSON Schema types in words."""
    names = [types] if isinstance(types, str) else [name for name in types if name != "null"]
    return " or ".join(_KINDS.get(name, str(name)) for name in names)


def wrong_type(name: str, types: Any, value: Any) -> str:
    """Return that ``name`` must be of ``types`` but is ``value``, with what the author probably meant."""
    kinds = [types] if isinstance(types, str) else list(types)
    if value is None and name == "'default'":
        return "'default' is null, which counts as no value; leave it out"
    if value is None:
        return f"{name} is empty; {expected_kinds(types)} is expected"
    hint = ""
    if kinds == ["string"] and isinstance(value, (bool, int, float)):
        hint = "; put it in quotes"
    elif "boolean" in kinds and isinstance(value, str) and value.lower() in _OLD_BOOLEANS:
        hint = f"; YAML 1.2 reads it as text, write {_OLD_BOOLEANS[value.lower()]}"
    elif "array" in kinds and isinstance(value, str):
        hint = f"; write [{value[:_LONGEST]}]"
    elif kinds == ["object"] and name.startswith("item ") and isinstance(value, str):
        hint = f"; write {{to: {value[:_LONGEST]}}}"
    elif {"integer", "number"} & set(kinds) and isinstance(value, str):
        hint = "; write it without quotes" if value.isdecimal() else ""
    return f"{name} must be {expected_kinds(types)}, not {describe(value)}{hint}"
