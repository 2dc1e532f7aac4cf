"""A reading of an expression's text that needs no parser: which variables it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from squidmesh.model.path import ROOTS

if TYPE_CHECKING:
    from collections.abc import Mapping

# Strings first, so that nothing inside one is taken for a name; raw strings know no escapes (CEL spec, "Lexis").
_TOKEN = re.compile(
    r"""
    (?P<string>
        (?:[rR][bB]?|[bB][rR])(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*")
      | [bB]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")
    )
  | (?P<comment>//[^\n]*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>[0-9][0-9A-Za-z_]*(?:\.[0-9][0-9A-Za-z_]*)?)
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r"^[rR]?(\'\'\'|\"\"\"|'|\")(.*)\1$", re.DOTALL)
_SELECTIONS = (["."], ["["])


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of an expression that means something: no white space, no comment."""

    kind: str
    text: str
    offset: int


@dataclass(slots=True, kw_only=True)
class References:
    """What an expression names below one root; ``whole`` if the root is also used as a value of its own."""

    keys: dict[str, list[int]] = field(default_factory=dict)
    whole: bool = False


def tokens(text: str) -> list[Token]:
    """Return the tokens of ``text``; what is no token of the language comes as single characters."""
    return [
        Token(kind=str(match.lastgroup), text=match[0], offset=match.start())
        for match in _TOKEN.finditer(text)
        if match.lastgroup not in {"space", "comment"}
    ]


def references(text: str) -> Mapping[str, References]:
    """Return, for each root that ``text`` names, the keys named below it with their offsets."""
    found: dict[str, References] = {}
    read = tokens(text)
    for index, token in enumerate(read):
        if token.kind != "name" or token.text not in ROOTS or _is_selected(read[max(index - 2, 0) : index]):
            continue
        reference = found.setdefault(token.text, References())
        following = read[index + 1 : index + 3]
        if [part.text for part in following[:1]] == ["."] and following[-1].kind == "name":
            reference.keys.setdefault(following[1].text, []).append(token.offset)
        else:
            reference.whole = True
    return found


def guarded_keys(text: str) -> frozenset[str]:
    """Return the keys that ``text`` asks for below some root: ``has(payload.key)``, ``'key' in payload``."""
    read = tokens(text)
    found = set()
    for index, token in enumerate(read):
        following = [part.text for part in read[index + 1 : index + 6]]
        match [token.text, *following]:
            case ["has", "(", root, ".", key, ")"] if root in ROOTS:
                found.add(key)
            case [_, "in", root, *after] if token.kind == "string" and root in ROOTS and after[:1] not in _SELECTIONS:
                found.add(_QUOTED.sub(r"\2", token.text))
    return frozenset(found)


def _is_selected(before: list[Token]) -> bool:
    """Return whether what follows ``before`` is a field; a dot that follows no operand only makes a name absolute."""
    if not before or before[-1].text != ".":
        return False
    operand = before[-2] if before[1:] else None
    return operand is not None and operand.text != "in" and (operand.kind != "other" or operand.text in ")]}")
