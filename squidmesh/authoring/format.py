"""``squidmesh format``: the canonical form of a workflow file.

The keys of a workflow stand in one order, indentation is two spaces and quotes are double, whoever wrote the
file; names that the author chose keep their order, and comments stay with what they describe. What the file
means never changes: the result is read again and compared before it is handed out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.document import read_document
from squidmesh.authoring.emission import emit
from squidmesh.authoring.layout import Layout
from squidmesh.errors import InvalidWorkflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.authoring.layout import Child, Item, Note

_EDITOR_LINE = ("# yaml-language-server:", "#!")


def format_text(text: str | bytes, file: str = "<text>") -> str:
    """Return the canonical form of a workflow file; ``InvalidWorkflow`` if it cannot be read as YAML.

    A file whose form cannot be made canonical without changing what it says is returned as it is.
    """
    document, found = read_document(text, file)
    if document is None or found:
        raise InvalidWorkflow(found)
    source = document.text.replace("\r\n", "\n").replace("\r", "\n")
    result = canonical(source)
    return result if _same(document.data, source, result, file) else source


def canonical(source: str) -> str:
    """Return the canonical form of good YAML with plain line breaks, unchecked."""
    layout = Layout(source)
    header = _take_header(layout.root, layout)
    return "\n".join([*header, *emit(layout.root)]) + "\n"


def _same(data: object, source: str, result: str, file: str) -> bool:
    """Return whether ``result`` holds the same data and the same comments."""
    document, found = read_document(result, file)
    if document is None or found or document.data != data:
        return False
    return _comments(Layout(source)) == _comments(Layout(result))


def _comments(layout: Layout) -> Sequence[str]:
    return sorted(note.text for note in layout.notes)


def _take_header(root: Item, layout: Layout) -> list[str]:
    """Take the comments that speak of the whole file: a first block set apart by an empty line, and editor lines."""
    first = root.children[0] if root.children else None
    if first is None or not root.is_block:
        return []
    end = _header_end(first, layout)
    taken, first.above = first.above[:end], first.above[end:]
    apart = bool(taken) and (layout.is_blank(taken[-1].line + 1))
    lines: list[str] = []
    for note in taken:
        if note.blank and lines:
            lines.append("")
        lines.append(note.text)
    return [*lines, ""] if apart else lines


def _header_end(first: Child, layout: Layout) -> int:
    above: list[Note] = first.above
    for position, note in enumerate(above):
        if layout.is_blank(note.line + 1):
            return position + 1
    editor = [position for position, note in enumerate(above) if note.text.startswith(_EDITOR_LINE)]
    return editor[-1] + 1 if editor else 0
