"""Which entry of a YAML file a comment belongs to."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.authoring.entries import Child, Item, Note


class Attachment:
    """Give each comment to the entry that it stands above or beside, or to the block at whose end it stands."""

    def __init__(self, notes: list[Note], lines: int, is_blank: Callable[[int], bool]) -> None:
        self._left = list(notes)
        self._next = 0
        self._lines = lines
        self._is_blank = is_blank

    def attach(self, root: Item) -> None:
        """Give every comment to ``root``, the only node of the file, or to what is in it."""
        if root.is_block:
            self._attach(root, self._lines, floor=0)
        root.below += self._left[self._next :]

    def _attach(self, node: Item, limit: int, floor: int) -> None:
        for position, child in enumerate(node.children):
            following = node.children[position + 1].line if position + 1 < len(node.children) else limit
            child.above += self._take_before(child.line)
            child.blank = self._is_blank(child.line - 1)
            self._attach_inside(child, following, node.column)
        column = max(node.column, floor)
        while (note := self._first()) and note.line < limit and note.alone and note.column >= column:
            node.below.append(self._take())

    def _attach_inside(self, child: Child, following: int, column: int) -> None:
        value = child.value
        if value.is_block:
            start = value.children[0].line
            if child.key is not None:
                child.beside = self._take_beside(child.line)
                if start != child.line:
                    child.above += self._take_beside_all(child.line, start)
            elif start != child.line:
                # What follows below the dash is about the first entry in the item.
                child.above += self._take_before(child.line + 1)
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

    def _first(self) -> Note | None:
        return self._left[self._next] if self._next < len(self._left) else None

    def _take(self) -> Note:
        self._next += 1
        return self._left[self._next - 1]

    def _take_before(self, line: int) -> list[Note]:
        taken = []
        while (note := self._first()) and note.line < line:
            taken.append(self._take())
        return taken

    def _take_beside(self, line: int) -> Note | None:
        note = self._first()
        return self._take() if note and note.line == line else None

    def _take_beside_all(self, line: int, limit: int) -> list[Note]:
        taken = []
        while (note := self._first()) and line < note.line < limit and not note.alone:
            taken.append(self._take())
        return taken

    def _keep_if_commented(self, value: Item) -> None:
        """Keep a flow collection as it is written if comments stand inside it."""
        end = (value.end.line, value.end.column)
        begin = bisect_left(self._left, value.start.line, lo=self._next, key=lambda note: note.line)
        finish = bisect_left(self._left, end, lo=self._next, key=lambda note: (note.line, note.column))
        if begin < finish:
            del self._left[begin:finish]
            value.lines = value.text.split("\n")
