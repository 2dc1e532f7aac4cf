"""``squidmesh format``: the canonical form of a workflow file.

The keys of a workflow stand in one order, indentation is two spaces and quotes are double, whoever wrote the
file; names that the author chose keep their order, and comments stay with what they describe. What the file
means never changes: the result is read again and compared before it is handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.authoring.arrangement import arrange
from squidmesh.authoring.document import read_document
from squidmesh.authoring.emission import emit
from squidmesh.authoring.layout import Layout
from squidmesh.errors import InvalidWorkflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.authoring.document import Document
    from squidmesh.authoring.entries import Child, Item, Note

_EDITOR_LINE = ("# yaml-language-server:", "#!")


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """The canonical ``text`` of a file; where that cannot be had, the file's own, and ``obstacle`` says why."""

    text: str
    obstacle: str | None = None


def format_text(text: str | bytes, file: str = "<text>") -> Formatted:
    """Return the canonical form of a workflow file; ``InvalidWorkflow`` if it cannot be read as YAML."""
    document, found = read_document(text, file)
    if document is None or found:
        raise InvalidWorkflow(found)
    source = document.text.replace("\r\n", "\n").replace("\r", "\n")
    layout = Layout(source)
    result = canonical(layout)
    obstacle = None if result == source else _obstacle(document, layout, result)
    if obstacle:
        return Formatted(text=text if isinstance(text, str) else text.decode(), obstacle=obstacle)
    return Formatted(text=result)


def canonical(layout: Layout) -> str:
    """Return the canonical form of a layout, unchecked; its entries are in canonical order then."""
    header = _take_header(layout.root, layout)
    arrange(layout.root)
    return "\n".join([*header, *emit(layout.root)]) + "\n"


def _obstacle(document: Document, layout: Layout, result: str) -> str | None:
    """Return why ``result`` must not replace the document; None if it holds the same data and the same comments."""
    read, found = read_document(result, document.file)
    if read is None or found:
        return "its canonical form could not be read again"
    if read.data != document.data:
        return "its canonical form would mean something else"
    if _comments(Layout(result)) != _comments(layout):
        return "its canonical form would lose a comment"
    return None


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
