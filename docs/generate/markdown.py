"""Markdown that several pages need."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar inside a cell is escaped."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def prose(thing: object) -> str:
    """Return the docstring of a thing as Markdown: names in backticks, a literal block fenced."""
    text = (inspect.getdoc(thing) or "").replace("``", "`")
    return re.sub(r"(?<=\S)::$", ":", text, flags=re.MULTILINE)


def first_sentence(thing: object) -> str:
    """Return the first paragraph of a docstring in one line."""
    return " ".join(prose(thing).split("\n\n")[0].split())
