"""The nodes of a YAML document: values that know where they stand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from squidmesh.authoring.scalars import NotJsonError, Scalar


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """A scalar (``value``), a list (``items``) or a mapping (``entries``: key to its node and its value's).

    ``plain`` is whether a scalar stands without quotes; a scalar without a JSON value has its text for value and
    an ``error``. ``size`` and ``height`` are those of the expanded tree that the node is the top of.
    """

    span: Span
    value: Scalar = None
    text: str = ""
    plain: bool = False
    error: NotJsonError | None = None
    items: list[Node] | None = None
    entries: dict[str, tuple[Node, Node]] | None = None
    size: int = 1
    height: int = 1


def changed(node: Node, path: tuple[str | int, ...], change: Callable[[Node], Node]) -> Node:
    """Return a tree in which ``change`` was made to the node at a path, if there is one; the tree given stays."""
    if not path:
        return change(node)
    segment, rest = path[0], path[1:]
    if node.entries is not None and isinstance(segment, str) and segment in node.entries:
        key, value = node.entries[segment]
        return replace(node, entries={**node.entries, segment: (key, changed(value, rest, change))})
    if node.items is not None and isinstance(segment, int) and segment < len(node.items):
        items = list(node.items)
        items[segment] = changed(items[segment], rest, change)
        return replace(node, items=items)
    return node


def join(first: Span, last: Span) -> Span:
    """Return the place from the start of one to the end of the other."""
    return Span(line=first.line, column=first.column, end_line=last.end_line, end_column=last.end_column)
