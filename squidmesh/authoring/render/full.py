"""For people: each finding with its source line and a caret beneath the place."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from squidmesh.authoring.render.report import excerpt_window, headline, visible

if TYPE_CHECKING:
    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.authoring.render.report import Report


def render(report: Report) -> str:
    """Return all findings, separated by blank lines."""
    return "\n\n".join(render_one(diagnostic) for diagnostic in report.diagnostics)


def render_one(diagnostic: Diagnostic) -> str:
    """Return one finding: headline, excerpt with caret, related places."""
    return "\n".join((headline(diagnostic), *excerpt_lines(diagnostic), *related_lines(diagnostic)))


def excerpt_lines(diagnostic: Diagnostic) -> list[str]:
    """Return the source line in a frame and the caret line below it; nothing for a finding without a line."""
    if not diagnostic.excerpt:
        return []
    line, column = excerpt_window(diagnostic)
    number = str(diagnostic.span.line)
    frame = " " * len(number)
    padding = "".join(" " * _width(character) for character in line[:column])
    marked = sum(map(_width, line[column : column + _length(diagnostic)]))
    return [f"{frame} |", f"{number} | {line}", f"{frame} | {padding}{'^' * max(marked, 1)}"]


def related_lines(diagnostic: Diagnostic) -> list[str]:
    """Return the other places that matter, one in a line."""
    file = visible(diagnostic.file)
    return [f"  {file}:{span.line}:{span.column}: {visible(note)}" for note, span in diagnostic.related]


def _length(diagnostic: Diagnostic) -> int:
    """Return how many characters to mark: of a place that spans lines, the rest of its first."""
    span = diagnostic.span
    end = span.end_column if span.end_line == span.line else len(diagnostic.excerpt) + 1
    return max(end - span.column, 1)


def _width(character: str) -> int:
    """Return the columns that a terminal gives to a character (Unicode Standard Annex 11)."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
