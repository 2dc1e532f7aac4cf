"""The nodes of a YAML document: values that know where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Span

if TYPE_CHECKING:
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


def join(first: Span, last: Span) -> Span:
    """Return the place from the start of one to the end of the other."""
    return Span(line=first.line, column=first.column, end_line=last.end_line, end_column=last.end_column)
