"""What can be wrong with an expression, and where in its text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProblemKind(StrEnum):
    """The families of problems; the linter has one rule for each."""

    SYNTAX = "syntax"
    UNKNOWN_VARIABLE = "unknown-variable"
    NOT_BOOLEAN = "not-boolean"
    CONSTANT = "constant"
    TYPE = "type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong; ``offset`` and ``length`` count characters of the expression, ``line`` and ``column`` from 1."""

    kind: ProblemKind
    message: str
    offset: int
    length: int
    line: int
    column: int


def problem_at(text: str, kind: ProblemKind, message: str, offset: int = 0, length: int | None = None) -> Problem:
    """Return a problem with ``length`` characters of ``text``; None: all that follow ``offset`` in its line."""
    offset = min(max(offset, 0), len(text))
    start_of_line = text.rfind("\n", 0, offset) + 1
    end_of_line = text.find("\n", offset)
    rest = (len(text) if end_of_line < 0 else end_of_line) - offset
    return Problem(
        kind=kind,
        message=message,
        offset=offset,
        length=max(1, rest if length is None else length),
        line=text.count("\n", 0, offset) + 1,
        column=offset - start_of_line + 1,
    )
