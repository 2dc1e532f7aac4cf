"""YAML events to a tree of nodes that know where they stand, bounded while it grows.

Nothing here recurses and nothing is expanded: an alias is the node that it names, and what an expansion would
cost is added up as the aliases come in, so that a bomb is refused before it goes off.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML, events

from squidmesh.authoring.diagnostics import Diagnostic, Span
from squidmesh.authoring.nodes import Node, join
from squidmesh.authoring.scalars import NotJsonError, check_text, join_surrogates, resolve_plain
from squidmesh.authoring.syntax import explain_syntax_error
from squidmesh.model.values import printable

if TYPE_CHECKING:
    from squidmesh.authoring.source import Source

MAX_ALIASES = 100
MAX_NODES = 50_000
MAX_DEPTH = 100
MAX_FINDINGS = 500


@dataclass(slots=True, kw_only=True)
class _Open:
    """A collection whose end has not come; a mapping's ``key`` waits for its value, ``merged`` is what ``<<`` names."""

    node: Node
    flow: bool
    key: Node | None = None
    merged: list[Node] = field(default_factory=list)


class _Stop(Exception):  # noqa: N818 - it says where reading ends, not what is wrong
    """Reading ends here; what is wrong has been reported."""


def read_nodes(source: Source) -> tuple[Node | None, list[Diagnostic]]:
    """Return the tree of the first document in ``source`` and what is wrong; None if it cannot be read to its end."""
    tree = _Tree(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(source.text):
            tree.take(event)
    except _Stop:
        pass
    except Exception as error:  # noqa: BLE001 - whatever a parser trips over is the file's problem, not a crash
        end = explain_syntax_error(source, error)
        told = any((found.span.line, found.span.column) == (end.span.line, end.span.column) for found in tree.found)
        return None, tree.found if told else [*tree.found, end]
    return tree.root, tree.found


class _Tree:
    """The nodes read so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []
        self.root: Node | None = None
        self._stack: list[_Open] = []
        self._open_nodes: set[int] = set()
        self._anchors: dict[str, Node] = {}
        self._documents = 0
        self._aliases = 0
        self._total = 0

    def take(self, event: Any) -> None:
        """Grow by one event of the parser."""
        match event:
            case events.ScalarEvent():
                self._take_scalar(event)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._open(event)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._close(event)
            case events.AliasEvent():
                self._take_alias(event)
            case events.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._refuse("SM104", "a file holds one workflow; move this document to a file of its own", event)

    def _take_scalar(self, event: Any) -> None:
        self._check_tag(event)
        plain = event.style is None
        node = Node(span=_span(event), text=event.value, plain=plain)
        try:
            text = join_surrogates(event.value)
            check_text(text)
            node.value = resolve_plain(text) if plain else text
        except NotJsonError as error:
            # What else is said about the value must be printable; what it is has no use any more.
            node.value = node.text = printable(event.value)
            node.error = error
        self._name(event, node)
        self._add(node, cost=1)

    def _open(self, event: Any) -> None:
        self._check_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse("SM113", f"nested deeper than {MAX_DEPTH} levels", event)
        node = Node(span=_span(event))
        if isinstance(event, events.MappingStartEvent):
            node.entries = {}
        else:
            node.items = []
        self._name(event, node)
        self._stack.append(_Open(node=node, flow=bool(event.flow_style)))
        self._open_nodes.add(id(node))

    def _close(self, event: Any) -> None:
        opened = self._stack.pop()
        self._open_nodes.remove(id(opened.node))
        for merged in opened.merged:  # refused, but what it brings is not missing
            opened.node.entries = (merged.entries or {}) | (opened.node.entries or {})
        if opened.flow:
            opened.node.span = join(opened.node.span, _span(event))
        self._add(opened.node, cost=1)

    def _take_alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise self._refusal("SM101", f"nothing above this alias is marked &{event.anchor}", event)
        if id(node) in self._open_nodes:
            self._refuse("SM111", f"*{event.anchor} stands inside the value that it refers to", event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._refuse("SM112", f"more than {MAX_ALIASES} aliases; write the values out", event)
        if len(self._stack) + node.height > MAX_DEPTH + 1:
            self._refuse("SM113", f"nested deeper than {MAX_DEPTH} levels once this alias is expanded", event)
        self._add(node, cost=node.size, alias=event)

    def _add(self, node: Node, *, cost: int, alias: Any = None) -> None:
        """Hand a complete node to the collection around it."""
        self._total += cost
        if self._total > MAX_NODES:
            message = f"more than {MAX_NODES} values once aliases are expanded; a workflow needs far fewer"
            span = _span(alias) if alias else node.span
            self.found.append(self.source.diagnostic("SM112", message, span))
            raise _Stop
        if not self._stack:
            self.root = node
            return
        opened = self._stack[-1]
        parent = opened.node
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.items is not None:
            self._report_error(node, alias)
            parent.items.append(node)
        elif opened.key is None:
            opened.key = node if alias is None else replace(node, span=_span(alias))
        else:
            self._report_error(node, alias)
            self._add_entry(opened, opened.key, node)
            opened.key = None
        if not opened.flow and alias is None:
            parent.span = join(parent.span, node.span)

    def _add_entry(self, opened: _Open, key: Node, value: Node) -> None:
        entries = opened.node.entries if opened.node.entries is not None else {}
        if key.plain and key.text == "<<":
            opened.merged += [value, *(value.items or ())]
            self._report("SM108", "merge keys (<<) are not accepted; write the keys out where they belong", key.span)
            return
        if key.entries is not None or key.items is not None:
            self._report("SM109", "a key must be text, not a list or a mapping", key.span)
            return
        if key.error is not None and key.error.code == "SM116":
            self._report_error(key, alias=None)
        elif key.error is not None or not isinstance(key.value, str):
            self._report("SM109", _key_message(key), key.span)
        name = key.value if isinstance(key.value, str) else key.text
        if name in entries:
            first = entries[name][0].span
            message = f"the key {name!r} stands here a second time, first on line {first.line}; keep one of them"
            self._report("SM102", message, key.span, (("first defined here", first),))
            return
        entries[name] = (key, value)

    def _name(self, event: Any, node: Node) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = node

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None:
            mark = event.start_mark
            line = self.source.line(mark.line + 1)
            # With an anchor behind the tag the mark is that of the anchor.
            start = max(line.rfind("!", 0, mark.column), 0) if line[mark.column :].startswith("&") else mark.column
            word = line[start:].split()
            end = start + 1 + (len(word[0]) if word else 0)
            span = Span(line=mark.line + 1, column=start + 1, end_line=mark.line + 1, end_column=end)
            message = (
                f"the tag {''.join(word[:1]):.60} is not accepted: a workflow is plain data; "
                "remove it, or quote a text that begins with '!'"
            )
            self._report("SM106", message, span)

    def _report_error(self, node: Node, alias: Any) -> None:
        if node.error and alias is None:
            self._report(node.error.code, str(node.error), node.span)

    def _report(self, code: str, message: str, span: Span, related: tuple[tuple[str, Span], ...] = ()) -> None:
        if len(self.found) < MAX_FINDINGS:
            self.found.append(self.source.diagnostic(code, message, span, related=related))

    def _refuse(self, code: str, message: str, event: Any) -> None:
        raise self._refusal(code, message, event)

    def _refusal(self, code: str, message: str, event: Any) -> _Stop:
        self.found.append(self.source.diagnostic(code, message, _span(event)))
        return _Stop()


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(line=start.line + 1, column=start.column + 1, end_line=end.line + 1, end_column=end.column + 1)


def _key_message(key: Node) -> str:
    if not key.text:
        return "a key is missing before the ':'"
    return f"the key {key.text:.60} is not text to YAML; quote it: '{key.text:.60}'"
