"""A layout to text in the canonical style: two spaces, double quotes, comments where they belong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from squidmesh.authoring.entries import Child, Item, Note

WIDTH = 100
_STEP = 2


def emit(root: Item) -> list[str]:
    """Return the lines of the whole document, its entries in the order that they have."""
    if root.is_block:
        return _block(root, 0, spaced=any(_is_apart(child) for child in root.children[1:]))
    return [*(note.text for note in root.below), _flow(root)]


def _block(node: Item, indent: int, *, spaced: bool = False) -> list[str]:
    """Return the lines of a block mapping or list; ``spaced``: with an empty line above each block in it."""
    lines: list[str] = []
    open_end = True  # an empty line here would be the first, or become part of a text
    for child in node.children:
        if not open_end and (_is_apart(child) or (spaced and child.value.is_block)):
            lines.append("")
        lines += _child(child, indent)
        open_end = _keeps_breaks(child.value)
    return lines + _notes(node.below, indent, after=not open_end)


def _keeps_breaks(value: Item) -> bool:
    """Return whether a value ends in a block scalar to which empty lines below it belong (``+``)."""
    if value.is_block and not value.below:
        return _keeps_breaks(value.children[-1].value)
    return value.kind == "block" and "+" in value.text


def _is_apart(child: Child) -> bool:
    """Return whether an empty line stands above an entry, or above its comments."""
    return child.above[0].blank if child.above else child.blank


def _child(child: Child, indent: int) -> list[str]:
    above = _notes(child.above, indent)
    if child.above and child.blank:
        above.append("")
    value = child.value
    start = " " * indent + ("-" if child.key is None else _key(child.key))
    beside = f"  {child.beside.text}" if child.beside else ""
    anchor = f" &{value.anchor}" if value.anchor and value.kind != "alias" else ""
    if _as_block(child, indent):
        nested = _block(value, indent + _STEP)
        if child.key is None and not anchor and not beside:
            return [*above, *_joined(nested, indent)]
        return [*above, f"{start}{anchor}{beside}", *nested]
    first, *rest = _content(value, indent)
    line = f"{start}{anchor} {first}" if first else f"{start}{anchor}"
    if rest and value.kind != "block":
        rest[-1] += beside
        return [*above, line, *rest]
    return [*above, line + beside, *rest]


def _as_block(child: Child, indent: int) -> bool:
    """Return whether a value gets lines of its own: what is in block style, and flow that does not fit in one line."""
    value, name = child.value, child.key.value if child.key is not None else "-"
    if value.kind not in {"mapping", "list"} or not value.children or value.lines is not None:
        return False
    if not value.flow:
        return True
    several = value.start.line != value.end.line
    return several and len(_flow(value)) + indent + len(name) > WIDTH


def _joined(nested: list[str], indent: int) -> list[str]:
    """Put the ``-`` of a list's item before the first line that is no comment."""
    for position, line in enumerate(nested):
        if line.strip() and not line.lstrip().startswith("#"):
            lead = [" " * indent + above.strip() if above.strip() else "" for above in nested[:position]]
            return [*lead, " " * indent + "- " + line[indent + _STEP :], *nested[position + 1 :]]
    return nested


def _content(value: Item, indent: int) -> list[str]:
    """Return the text of a value that begins beside its key: its first line, and further ones indented."""
    if value.kind == "block":
        lead = " " * (indent + _STEP)
        return [_block_header(value), *(lead + line if line else "" for line in value.lines or ())]
    if value.lines is not None:
        return _verbatim(value, indent)
    if value.kind == "scalar" and "\n" in value.text:
        first, *rest = value.text.split("\n")
        return [first.rstrip(), *(" " * (indent + _STEP) + line.strip() if line.strip() else "" for line in rest)]
    return [_flow(value)]


def _block_header(value: Item) -> str:
    """Return ``|`` or ``>`` with its indicators, the indentation being the one that is written."""
    digits = any(character.isdigit() for character in value.text)
    kept = "".join(character for character in value.text if not character.isdigit())
    return kept[0] + (str(_STEP) if digits else "") + kept[1:]


def _verbatim(value: Item, indent: int) -> list[str]:
    """Return a flow collection with comments inside as it is written, moved to where its key is."""
    first, *rest = value.lines or [""]
    lead = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    closing = rest[-1].lstrip()[:1] in {"}", "]"} and len(rest[-1]) - len(rest[-1].lstrip()) == lead if rest else False
    shift = indent if closing else indent + _STEP
    return [first.rstrip(), *(" " * shift + line[lead:].rstrip() if line.strip() else "" for line in rest)]


def _flow(value: Item) -> str:
    if value.kind == "list":
        return "[" + ", ".join(_member(child.value) for child in value.children) + "]"
    if value.kind == "mapping":
        # A key whose value is empty keeps its blank, without which the colon would belong to it.
        entries = [f"{_key(child.key)} {_member(child.value)}" for child in value.children if child.key]
        return "{" + ", ".join(entries) + "}"
    return _scalar(value)


def _member(value: Item) -> str:
    """Return a value inside a flow collection, its anchor before it."""
    text = _flow(value)
    return f"&{value.anchor} {text}" if value.anchor and value.kind != "alias" else text


def _key(key: Item) -> str:
    """Return a key with its colon, which must not touch an alias."""
    return f"{key.text} :" if key.kind == "alias" else f"{_member(key)}:"


def _scalar(node: Item) -> str:
    """Return a scalar in one line; single quotes become double ones where that needs no escape."""
    if node.kind == "scalar" and "\n" in node.text:
        several = node.style is not None or "\n" in node.value
        # A text in JSON is one in YAML.
        return json.dumps(node.value, ensure_ascii=False) if several else " ".join(node.text.split())
    if node.style == "'" and not set(node.value) & {'"', "\\"} and node.value.isprintable():
        return f'"{node.value}"'
    return node.text


def _notes(notes: list[Note], indent: int, *, after: bool = False) -> list[str]:
    lines: list[str] = []
    for note in notes:
        if note.blank and (lines or after):
            lines.append("")
        lines.append(" " * indent + note.text)
    return lines
