"""The layout of a YAML file: its nodes with their text, and each comment beside what it belongs to.

What ``format`` needs and loading throws away: quotes, flow or block style, comments, blank lines.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ruamel.yaml import YAML, events

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[^\n]*", re.MULTILINE)
_ANCHOR = re.compile(r"&\S+\s*")
_DIGIT = re.compile(r"\d")
_DASH = re.compile(r" *-(\s|$)")


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

    ``text`` is the source of a scalar or an alias, ``lines`` the content of a block scalar without its
    indentation, or a flow collection as it is written where comments stand inside it.
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


class Layout:
    """A file's nodes and comments; ``root`` is its only document, of good YAML."""

    def __init__(self, text: str) -> None:
        self.source = text
        self.source_lines = text.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self.source_lines)]
        self._kept_blank: set[int] = set()
        self._covered: list[tuple[int, int]] = []
        self.root = self._build()
        self.notes = self._read_notes()
        _Attachment(self).run()

    def is_blank(self, line: int) -> bool:
        """Return whether a line is empty and no part of a block scalar's text."""
        return (
            0 <= line < len(self.source_lines) and not self.source_lines[line].strip() and line not in self._kept_blank
        )

    def _build(self) -> Item:
        stack: list[Item] = []
        keys: list[Child | None] = []
        root: Item | None = None
        for event in YAML(typ="safe", pure=True).parse(self.source):
            match event:
                case events.ScalarEvent() | events.AliasEvent():
                    node = self._leaf(event, stack)
                case events.MappingStartEvent() | events.SequenceStartEvent():
                    kind = "mapping" if isinstance(event, events.MappingStartEvent) else "list"
                    flow = bool(event.flow_style)
                    stack.append(
                        Item(kind=kind, start=event.start_mark, end=event.end_mark, anchor=event.anchor, flow=flow)
                    )
                    keys.append(None)
                    continue
                case events.MappingEndEvent() | events.SequenceEndEvent():
                    node = stack.pop()
                    node.end = event.end_mark
                    keys.pop()
                case _:
                    continue
            if not stack:
                root = node
            else:
                keys[-1] = _place(stack[-1], node, keys[-1], self.source_lines)
        if root is None:
            raise ValueError("the text holds no document")
        return root

    def _leaf(self, event: Any, stack: list[Item]) -> Item:
        start, end = event.start_mark, event.end_mark
        if isinstance(event, events.AliasEvent):
            return Item(kind="alias", start=start, end=end, text=f"*{event.anchor}")
        raw = self.source[start.index : end.index]
        if event.anchor:
            raw = _ANCHOR.sub("", raw, count=1)
        node = Item(kind="scalar", start=start, end=end, text=raw, value=event.value, style=event.style)
        node.anchor = event.anchor
        if event.style in {"|", ">"}:
            self._read_block_scalar(node, stack)
        else:
            self._covered.append((start.index, end.index))
        return node

    def _read_block_scalar(self, node: Item, stack: list[Item]) -> None:
        """Take the lines of a block scalar, which end where the indentation does."""
        node.kind = "block"
        opening = self.source.index(node.style or "", node.start.index)
        node.text = self.source[opening:].partition("\n")[0].partition("#")[0].rstrip()
        first = bisect_right(self._starts, opening)
        indent = self._content_indent(node, stack, first)
        last = first
        while last < len(self.source_lines) and (
            not self.source_lines[last].strip() or _indentation(self.source_lines[last]) >= indent
        ):
            last += 1
        if last == len(self.source_lines) and not self.source_lines[-1]:
            last -= 1  # what follows the last line break is no line
        while "+" not in node.text and last > first and not self.source_lines[last - 1].strip():
            last -= 1
        node.lines = [line[indent:] for line in self.source_lines[first:last]]
        self._kept_blank.update(range(first, last))
        length = sum(len(line) + 1 for line in self.source_lines[first:last])
        self._covered.append((self._starts[first], self._starts[first] + length) if length else (0, 0))

    def _content_indent(self, node: Item, stack: list[Item], first: int) -> int:
        digit = _DIGIT.search(node.text)
        if digit:
            parent = stack[-1].column if stack and stack[-1].children else 0
            return parent + int(digit[0])
        for line in self.source_lines[first:]:
            if line.strip():
                return max(1, _indentation(line))
        return 1

    def _read_notes(self) -> list[Note]:
        masked = list(self.source)
        for start, end in self._covered:
            masked[start:end] = ["\n" if character == "\n" else "x" for character in self.source[start:end]]
        found = []
        for match in _COMMENT.finditer("".join(masked)):
            line = bisect_right(self._starts, match.start()) - 1
            column = match.start() - self._starts[line]
            before = self.source_lines[line][:column].strip()
            text = self.source[match.start() : match.end()].rstrip()
            alone = not before or before == "---"
            found.append(Note(text=text, line=line, column=column, alone=alone, blank=self.is_blank(line - 1)))
        return found


def _place(parent: Item, node: Item, waiting: Child | None, lines: list[str]) -> Child | None:
    """Put a complete node into its parent; return the entry whose value is still to come."""
    if parent.kind == "list":
        line, column = (node.start.line, node.start.column) if parent.flow else _dash(parent, node, lines)
        parent.children.append(Child(value=node, line=line, column=column))
        return None
    if waiting is None:
        child = Child(key=node, value=node, line=node.start.line, column=node.start.column)
        parent.children.append(child)
        return child
    waiting.value = node
    return None


def _dash(parent: Item, node: Item, lines: list[str]) -> tuple[int, int]:
    """Return line and column of the ``-`` before an item of a block list."""
    line = node.start.line
    column = parent.children[0].column if parent.children else parent.start.column
    if parent.anchor and not parent.children:
        while not _DASH.match(lines[line]):
            line -= 1
        return line, lines[line].index("-")
    while lines[line][column : column + 2].rstrip() != "-" or "#" in lines[line][:column]:
        line -= 1
    return line, column


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class _Attachment:
    """Give each comment to the entry that it stands above or beside, or to the block at whose end it stands."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._left = list(layout.notes)

    def run(self) -> None:
        root = self._layout.root
        if root.is_block:
            self._attach(root, len(self._layout.source_lines), floor=0)
        root.below += self._left

    def _attach(self, node: Item, limit: int, floor: int) -> None:
        for position, child in enumerate(node.children):
            following = node.children[position + 1].line if position + 1 < len(node.children) else limit
            child.above += self._take_before(child.line)
            child.blank = self._layout.is_blank(child.line - 1)
            self._attach_inside(child, following, node.column)
        column = max(node.column, floor)
        while self._left and self._left[0].line < limit and self._left[0].alone and self._left[0].column >= column:
            node.below.append(self._left.pop(0))

    def _attach_inside(self, child: Child, following: int, column: int) -> None:
        value = child.value
        if value.is_block:
            start = value.children[0].line
            if child.key is not None:
                child.beside = self._take_beside(child.line)
                if start != child.line:
                    child.above += self._take_beside_all(child.line, start)
            elif start != child.line:
                child.above += self._take_before(start)
            self._attach(value, following, floor=column + 1)
            return
        if value.flow and value.start.line != value.end.line:
            self._keep_if_commented(value)
        empty = value.kind == "scalar" and not value.text
        last = child.line if value.kind == "block" or empty else max(child.line, value.end.line)
        notes = self._take_before(last + 1)
        if notes:
            child.beside = notes[-1] if notes[-1].line == last and not notes[-1].alone else None
            child.above += [note for note in notes if note is not child.beside]

    def _take_before(self, line: int) -> list[Note]:
        taken = []
        while self._left and self._left[0].line < line:
            taken.append(self._left.pop(0))
        return taken

    def _take_beside(self, line: int) -> Note | None:
        if self._left and self._left[0].line == line:
            return self._left.pop(0)
        return None

    def _take_beside_all(self, line: int, limit: int) -> list[Note]:
        taken = []
        while self._left and line < self._left[0].line < limit and not self._left[0].alone:
            taken.append(self._left.pop(0))
        return taken

    def _keep_if_commented(self, value: Item) -> None:
        """Keep a flow collection as it is written if comments stand inside it."""
        end = (value.end.line, value.end.column)
        begin = bisect_left(self._left, value.start.line, key=lambda note: note.line)
        finish = bisect_left(self._left, end, key=lambda note: (note.line, note.column))
        if begin < finish:
            del self._left[begin:finish]
            value.lines = self._layout.source[value.start.index : value.end.index].split("\n")
