"""A layout to text in the canonical style: two spaces, double quotes, comments where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.key_order import key_order, sort_key

if TYPE_CHECKING:
    from squidmesh.authoring.document import Place
    from squidmesh.authoring.layout import Child, Item, Note

WIDTH = 100
_STEP = 2


def emit(root: Item) -> list[str]:
    """Return the lines of the whole document."""
    if root.is_block:
        return _block(root, 0, ())
    return [*(note.text for note in root.below), _flow(root, ())]


def _block(node: Item, indent: int, path: Place) -> list[str]:
    """Return the lines of a block mapping or list, keys in canonical order."""
    lines: list[str] = []
    ordered = _ordered(node, path)
    spaced = not path and any(_is_apart(child) for _, child in ordered[1:])
    open_end = True  # an empty line here would be the first, or become part of a text
    for index, child in ordered:
        inner = (*path, _name(child, index))
        if not open_end and (_is_apart(child) or (spaced and child.value.is_block)):
            lines.append("")
        lines += _child(child, indent, inner)
        open_end = _keeps_breaks(child.value, inner)
    return lines + _notes(node.below, indent, after=not open_end)


def _keeps_breaks(value: Item, path: Place) -> bool:
    """Return whether a value ends in a block scalar to which empty lines below it belong (``+``)."""
    if value.is_block and not value.below:
        index, last = _ordered(value, path)[-1]
        return _keeps_breaks(last.value, (*path, _name(last, index)))
    return value.kind == "block" and "+" in value.text


def _ordered(node: Item, path: Place) -> list[tuple[int, Child]]:
    children = list(enumerate(node.children))
    if node.kind == "mapping":
        order = key_order(path)
        children.sort(key=lambda pair: sort_key(order, str(_name(pair[1], 0))))
    return children


def _name(child: Child, index: int) -> str | int:
    return index if child.key is None else child.key.value


def _is_apart(child: Child) -> bool:
    """Return whether an empty line stands above an entry, or above its comments."""
    return child.above[0].blank if child.above else child.blank


def _child(child: Child, indent: int, path: Place) -> list[str]:
    above = _notes(child.above, indent)
    if child.above and child.blank:
        above.append("")
    value = child.value
    start = " " * indent + ("-" if child.key is None else f"{_scalar(child.key)}:")
    if child.key is not None and child.key.kind == "alias":
        start = " " * indent + f"{child.key.text} :"
    beside = f"  {child.beside.text}" if child.beside else ""
    anchor = f" &{value.anchor}" if value.anchor and value.kind != "alias" else ""
    if _as_block(value, indent, path):
        nested = _block(value, indent + _STEP, path)
        if child.key is None and not anchor and not beside:
            return [*above, *_joined(nested, indent)]
        return [*above, f"{start}{anchor}{beside}", *nested]
    first, *rest = _content(value, indent, path)
    line = f"{start}{anchor} {first}" if first else f"{start}{anchor}"
    if rest and value.kind != "block":
        rest[-1] += beside
        return [*above, line, *rest]
    return [*above, line + beside, *rest]


def _as_block(value: Item, indent: int, path: Place) -> bool:
    """Return whether a value gets lines of its own: what is in block style, and flow that does not fit in one line."""
    if value.kind not in {"mapping", "list"} or not value.children or value.lines is not None:
        return False
    if not value.flow:
        return True
    several = value.start.line != value.end.line
    return several and len(_flow(value, path)) + indent + len(str(path[-1])) > WIDTH


def _joined(nested: list[str], indent: int) -> list[str]:
    """Put the ``-`` of a list's item before the first line that is no comment."""
    for position, line in enumerate(nested):
        if line.strip() and not line.lstrip().startswith("#"):
            lead = [" " * indent + above.strip() if above.strip() else "" for above in nested[:position]]
            return [*lead, " " * indent + "- " + line[indent + _STEP :], *nested[position + 1 :]]
    return nested


def _content(value: Item, indent: int, path: Place) -> list[str]:
    """Return the text of a value that begins beside its key: its first line, and further ones indented."""
    if value.kind == "block":
        lead = " " * (indent + _STEP)
        return [_block_header(value), *(lead + line if line else "" for line in value.lines or ())]
    if value.lines is not None:
        return _verbatim(value, indent)
    if value.kind == "scalar" and "\n" in value.text:
        first, *rest = value.text.split("\n")
        return [first.rstrip(), *(" " * (indent + _STEP) + line.strip() if line.strip() else "" for line in rest)]
    return [_flow(value, path)]


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


def _flow(value: Item, path: Place) -> str:
    if value.kind == "list":
        return "[" + ", ".join(_member(child.value, (*path, index)) for index, child in enumerate(value.children)) + "]"
    if value.kind == "mapping":
        entries = [
            f"{_scalar(child.key)}: {_member(child.value, (*path, child.key.value))}".rstrip()
            for _, child in _ordered(value, path)
            if child.key is not None
        ]
        return "{" + ", ".join(entries) + "}"
    return _scalar(value)


def _member(value: Item, path: Place) -> str:
    """Return a value inside a flow collection, its anchor before it."""
    text = _flow(value, path)
    return f"&{value.anchor} {text}" if value.anchor and value.kind != "alias" else text


def _scalar(node: Item) -> str:
    """Return a scalar in one line; single quotes become double ones where that needs no escape."""
    if node.kind == "scalar" and "\n" in node.text:
        return " ".join(node.text.split())
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
