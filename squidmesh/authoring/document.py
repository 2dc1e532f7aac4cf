"""A workflow file that was read: its plain data, and where every key and value stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.diagnostics import START, Diagnostic, Severity, Span
from squidmesh.authoring.nodes import Node, changed
from squidmesh.authoring.source import Source, read_source
from squidmesh.authoring.tree import read_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal


Place = tuple[str | int, ...]
_LAST_WORD = re.compile(r"(\S+)\s*$")
_BLOCK_HEAD = re.compile(r"(?:&\S+\s+)?[|>][-+0-9]*\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The data of one file with its places; aliases are expanded in ``data``, nodes know only where they stand."""

    source: Source
    data: Any
    root: Node = field(repr=False)

    @property
    def file(self) -> str:
        """The name that the file is reported by."""
        return self.source.file

    @property
    def text(self) -> str:
        """The whole text."""
        return self.source.text

    def line(self, number: int) -> str:
        """Return the line of this number, from 1; ``""`` beyond the end."""
        return self.source.line(number)

    def key_span(self, path: Place) -> Span:
        """Return the place of the key or list item at ``path``; of the nearest part above if it is not there."""
        return self._find(path)[0]

    def value_span(self, path: Place) -> Span:
        """Return the place of the value at ``path``; of its key if it is empty or is not there."""
        key, value, complete = self._find(path)
        empty = (value.line, value.column) == (value.end_line, value.end_column)
        return key if empty or not complete else value

    def diagnostic(
        self,
        code: str,
        message: str,
        path: Place,
        *,
        severity: Severity = Severity.ERROR,
        on: Literal["value", "key"] = "value",
        offset: int = 0,
        length: int | None = None,
        related: tuple[tuple[str, Span], ...] = (),
    ) -> Diagnostic:
        """Return a finding at ``path``; ``offset`` and ``length`` name a part of a scalar's text."""
        span = self.key_span(path) if on == "key" else self.value_span(path)
        if on == "value" and (offset or length is not None):
            span = self.part_span(path, offset, length) or span
        return self.source.diagnostic(code, message, span, severity=severity, related=related)

    def part_span(self, path: Place, offset: int, length: int | None = None) -> Span | None:
        """Return the place of a part of a scalar's text, however the scalar is written; None if it is not found.

        What stands there is looked for in the file, as often as it stands in the text up to there: quotes, escapes and
        broken lines change where words are, and hardly ever the words.
        """
        text: Any = self.data
        for segment in path:
            text = text[segment]
        if not isinstance(text, str):
            return None
        end = len(text) if length is None else offset + max(length, 1)
        part = text[offset:end].partition("\n")[0].rstrip()
        if part:
            return self._find_part(path, text, part, offset)
        last = _LAST_WORD.search(text[:offset])
        found = self._find_part(path, text, last[1], last.start()) if last else None
        if found is not None:  # the place behind the text
            found = replace(found, column=found.end_column, end_column=found.end_column + 1)
        return found

    def _find_part(self, path: Place, text: str, part: str, offset: int) -> Span | None:
        word = re.compile(f"(?={re.escape(part)})")
        before = len(word.findall(text, 0, offset + len(part) - 1))
        return next(islice(self._occurrences(word, len(part), self.value_span(path)), before, None), None)

    def _occurrences(self, word: re.Pattern[str], length: int, within: Span) -> Iterator[Span]:
        """Yield the places of a word in a scalar, without the head of a block."""
        for number in range(within.line, within.end_line + 1):
            line = self.line(number)
            start = within.column - 1 if number == within.line else 0
            end = within.end_column - 1 if number == within.end_line else len(line)
            if number == within.line and _BLOCK_HEAD.match(line, start):
                continue
            for match in word.finditer(line, start, end):
                column = match.start() + 1
                yield Span(line=number, column=column, end_line=number, end_column=column + length)

    def mended(self, data: Any, renames: Sequence[tuple[Place, str]], dropped: Sequence[Place]) -> Document:
        """Return the document with other data, in which some keys have another name and some list items are gone."""
        root = self.root
        for path in sorted(dropped, reverse=True):
            root = changed(root, path[:-1], partial(_without_item, index=path[-1]))
        for path, name in renames:
            root = changed(root, path[:-1], partial(_with_name, key=path[-1], name=name))
        return replace(self, data=data, root=root)

    def _find(self, path: Place) -> tuple[Span, Span, bool]:
        """Return the places of key and value, and whether all of ``path`` is there."""
        node, key = self.root, self.root.span
        for segment in path:
            if node.entries is not None and isinstance(segment, str) and segment in node.entries:
                key_node, node = node.entries[segment]
                key = key_node.span
            elif node.items is not None and isinstance(segment, int) and segment < len(node.items):
                node = node.items[segment]
                key = node.span
            else:
                return key, node.span, False
        return key, node.span, True


def read_document(text: str | bytes, file: str) -> tuple[Document | None, list[Diagnostic]]:
    """Return the document that ``text`` holds and everything wrong with it as YAML (SM1xx).

    The document is None where the text cannot be read to its end; otherwise the rest can still be checked.
    """
    source, found = read_source(text, file)
    if source is None:
        return None, found
    root, problems = read_nodes(source)
    found += problems
    if root is None or _is_empty(root):
        if not found:
            message = "the file is empty; a workflow begins with 'workflow: name'"
            found.append(source.diagnostic("SM105", message, START))
        return None, found
    return Document(source=source, data=_plain(root), root=root), found


def _without_item(node: Node, index: str | int) -> Node:
    return node if node.items is None else replace(node, items=[n for i, n in enumerate(node.items) if i != index])


def _with_name(node: Node, key: str | int, name: str) -> Node:
    entries = {name if entry == key else entry: value for entry, value in (node.entries or {}).items()}
    return node if node.entries is None else replace(node, entries=entries)


def _is_empty(root: Node) -> bool:
    return root.entries is None and root.items is None and root.plain and not root.text


def _plain(node: Node) -> Any:
    """Return the data of a tree whose depth and expanded size are bounded."""
    if node.entries is not None:
        return {name: _plain(value) for name, (_, value) in node.entries.items()}
    if node.items is not None:
        return [_plain(item) for item in node.items]
    return node.value
