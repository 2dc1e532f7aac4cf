"""What the layout of a YAML file consists of: comments, entries with the comments that are theirs, and nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Note:
    """A comment: its text, where it stands, and whether an empty line is above it."""

    text: str
    line: int
    column: int
    alone: bool
    blank: bool


@dataclass(slots=True, kw_only=True)
class Child:
    """An entry of a mapping (``key``) or an item of a list, with the comments above it and at its end."""

    value: Item
    line: int
    column: int
    key: Item | None = None
    above: list[Note] = field(default_factory=list)
    beside: Note | None = None
    blank: bool = False


@dataclass(slots=True, kw_only=True)
class Item:
    """A node: ``kind`` is ``scalar``, ``block`` (a block scalar), ``alias``, ``mapping`` or ``list``.

    ``text`` is the source of a scalar, an alias or a flow collection without its anchor, ``lines`` the content of a
    block scalar without its indentation, or a flow collection as it is written where comments stand inside it.
    """

    kind: str
    start: Any
    end: Any
    text: str = ""
    value: str = ""
    style: str | None = None
    anchor: str | None = None
    flow: bool = False
    children: list[Child] = field(default_factory=list)
    below: list[Note] = field(default_factory=list)
    lines: list[str] | None = None

    @property
    def is_block(self) -> bool:
        """Whether this is a mapping or a list in block style that has children."""
        return self.kind in {"mapping", "list"} and not self.flow and bool(self.children)

    @property
    def column(self) -> int:
        """The column at which the children of a block stand."""
        return self.children[0].column if self.children else 0
