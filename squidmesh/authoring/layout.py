"""The layout of a YAML file: its nodes with their text, and each comment beside what it belongs to.

What ``format`` needs and loading throws away: quotes, flow or block style, comments, blank lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import Any

from ruamel.yaml import YAML, events

from squidmesh.authoring.attachment import Attachment
from squidmesh.authoring.entries import Child, Item, Note

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[^\n]*", re.MULTILINE)
_ANCHOR = re.compile(r"&\S+\s*")
_DASH = re.compile(r" *-(\s|$)")


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
        Attachment(self.notes, len(self.source_lines), self.is_blank).attach(self.root)

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
                    node = self._leaf(event)
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
                    keys.pop()
                    node.end = event.end_mark
                    if node.flow and not (stack and stack[-1].flow):
                        node.text = self._text(node)
                case _:
                    continue
            if not stack:
                root = node
            else:
                keys[-1] = _place(stack[-1], node, keys[-1], self.source_lines)
        if root is None:
            raise ValueError("the text holds no document")
        return root

    def _text(self, node: Item) -> str:
        """Return how a node is written, without its anchor."""
        text = self.source[node.start.index : node.end.index]
        return _ANCHOR.sub("", text, count=1) if node.anchor else text

    def _leaf(self, event: Any) -> Item:
        start, end = event.start_mark, event.end_mark
        if isinstance(event, events.AliasEvent):
            return Item(kind="alias", start=start, end=end, text=f"*{event.anchor}")
        node = Item(kind="scalar", start=start, end=end, value=event.value, style=event.style, anchor=event.anchor)
        node.text = self._text(node)
        if event.style in {"|", ">"}:
            self._read_block_scalar(node)
        else:
            self._covered.append((start.index, end.index))
        return node

    def _read_block_scalar(self, node: Item) -> None:
        """Take the lines of a block scalar, which end where the indentation does."""
        node.kind = "block"
        opening = self.source.index(node.style or "", node.start.index)
        node.text = self.source[opening:].partition("\n")[0].partition("#")[0].rstrip()
        first = bisect_right(self._starts, opening)
        indent = self._content_indent(node, first)
        last = first
        while last < len(self.source_lines) and (
            not self.source_lines[last].strip() or _indentation(self.source_lines[last]) >= indent
        ):
            last += 1
        if last == len(self.source_lines) and not self.source_lines[-1]:
            last -= 1  # what follows the last line break is no line
        while "+" not in node.text and last > first and not self.source_lines[last - 1][indent:]:
            last -= 1
        node.lines = [line[indent:] for line in self.source_lines[first:last]]
        self._kept_blank.update(range(first, last))
        length = sum(len(line) + 1 for line in self.source_lines[first:last])
        self._covered.append((self._starts[first], self._starts[first] + length) if length else (0, 0))
        if node.lines and not node.value.endswith("\n"):
            # At the end of a file that no line break ends there is none to keep; only "-" says so anywhere else.
            node.text = node.text.rstrip("+-") + "-"

    def _content_indent(self, node: Item, first: int) -> int:
        """Return how far a text is indented: by what its first line has more than its value."""
        content = node.value.lstrip("\n")
        if not content:
            return len(self.source)
        line = self.source_lines[first + len(node.value) - len(content)]
        return _indentation(line) - _indentation(content)

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
        # The list begins at its anchor. What an item begins with may be a dash, too, further in.
        while not _DASH.match(lines[line]) or lines[line].index("-") >= node.start.column:
            line -= 1
        return line, lines[line].index("-")
    while lines[line][column : column + 2].rstrip() != "-" or "#" in lines[line][:column]:
        line -= 1
    return line, column


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
