"""The entries of a layout in canonical order, as far as anchors allow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from squidmesh.authoring.key_order import key_order, sort_key

if TYPE_CHECKING:
    from squidmesh.authoring.document import Place
    from squidmesh.authoring.entries import Child, Item


@dataclass(slots=True, kw_only=True)
class _Names:
    """The anchors that a node or what is in it sets, and those that its aliases refer to."""

    anchors: set[str] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)

    def add(self, other: _Names) -> None:
        self.anchors |= other.anchors
        self.aliases |= other.aliases

    def meets(self, other: _Names) -> bool:
        """Return whether the order of the two decides what an alias refers to."""
        return not (
            self.anchors.isdisjoint(other.anchors)
            and self.anchors.isdisjoint(other.aliases)
            and self.aliases.isdisjoint(other.anchors)
        )


def arrange(root: Item) -> None:
    """Put the keys of every mapping in canonical order; one whose value an alias refers to stays before the alias."""
    _arrange(root, ())


def _arrange(node: Item, path: Place) -> _Names:
    names = _own_names(node)
    inner = []
    for index, child in enumerate(node.children):
        of_child = _arrange(child.value, (*path, index if child.key is None else child.key.value))
        if child.key is not None:
            of_child.add(_own_names(child.key))
        inner.append(of_child)
        names.add(of_child)
    order = key_order(path)
    if node.kind == "mapping" and order:
        node.children = _in_order(node.children, inner, order)
    return names


def _own_names(node: Item) -> _Names:
    if node.kind == "alias":
        return _Names(aliases={node.text[1:]})
    return _Names(anchors={node.anchor}) if node.anchor else _Names()


def _in_order(children: list[Child], names: list[_Names], order: tuple[str, ...]) -> list[Child]:
    waiting = sorted(range(len(children)), key=lambda position: sort_key(order, _key(children[position])))
    if not any(of_child.aliases for of_child in names):
        return [children[position] for position in waiting]
    placed: list[Child] = []
    while waiting:
        ready = next(each for each in waiting if not _must_wait(each, waiting, names))
        waiting.remove(ready)
        placed.append(children[ready])
    return placed


def _must_wait(position: int, waiting: list[int], names: list[_Names]) -> bool:
    """Return whether an entry that came earlier and shares an anchor with this one is not placed yet."""
    return any(each < position and names[each].meets(names[position]) for each in waiting)


def _key(child: Child) -> str:
    return child.key.value if child.key is not None else ""
