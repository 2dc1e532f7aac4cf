"""What the YAML parser says, put so that an author can act on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ruamel.yaml.error import MarkedYAMLError

from squidmesh.authoring.diagnostics import Diagnostic, Span

if TYPE_CHECKING:
    from squidmesh.authoring.source import Source

# What a parser's problem contains -> what an author is told instead.
_PHRASES: tuple[tuple[str, str], ...] = (
    (
        "mapping values are not allowed",
        "a ':' cannot stand here: indent this line like the one above, or quote a text that contains ': '",
    ),
    ("could not find expected ':'", "a key without its ':': add one, or quote or indent a text of several lines"),
    ("expected <block end>", "unexpected here: this line is not indented like the ones that it belongs to"),
    ("expected ',' or ']'", "a list in brackets needs ',' between its items and ']' at its end"),
    ("expected ',' or '}'", "a mapping in braces needs ',' between its entries and '}' at its end"),
    ("sequence entries are not allowed", "a list item ('- ') cannot stand here: begin the list on a line of its own"),
    ("unexpected end of stream", "a quoted text is never closed"),
    ("unexpected document separator", "a quoted text is never closed before '---' or '...'"),
    (
        "unknown escape character",
        "unknown escape in a double-quoted text: write \\\\ for a backslash, or single quotes",
    ),
    ("expected escape sequence", "an escape such as \\x or \\u needs its hexadecimal digits"),
    ("undefined tag handle", "tags are not accepted: a workflow is plain data; quote a text that begins with '!'"),
    ("indentation indicator", "after '|' or '>' only a digit from 1 to 9, '+' or '-' may follow"),
    ("after document end marker", "nothing may follow '...' on its line"),
    ("expected '<document start>'", "a second document begins here without '---'; a file holds one workflow"),
    ("expected the node content", "a value is missing here"),
)
# Where a value begins with an exclamation mark.
_BANG = re.compile(r"(?:^\s*|[:,\[{-]\s+)(?P<bang>!)")
_SPECIAL = re.compile(r"found character '(?P<character>[%@`])' that cannot start")


def explain_syntax_error(source: Source, error: Exception) -> Diagnostic:
    """Return the finding for an error of the YAML parser, at the place that it names or else at the end."""
    if not isinstance(error, MarkedYAMLError):
        last = max(1, len(source.lines))
        return source.diagnostic("SM101", f"this is not YAML: {type(error).__name__}", _point(source, last, 1))
    mark = error.problem_mark or error.context_mark
    if "unexpected end of stream" in str(error.problem):
        mark = error.context_mark or mark  # where the quote opens says more than the end of the file
    span = _point(source, mark.line + 1, mark.column + 1) if mark else _point(source, 1, 1)
    problem = str(error.problem or error.context or "this is not YAML")
    unquoted = _BANG.search(source.line(span.line)[: span.column])
    if unquoted and "tag handle" not in problem:
        place = _point(source, span.line, unquoted.start("bang") + 1)
        return source.diagnostic("SM101", "a text that begins with '!' needs quotes, or YAML takes it for a tag", place)
    if "'\\t'" in problem or _tab_in_indentation(source, span):
        return source.diagnostic("SM103", "a tab cannot indent or begin anything in YAML; use spaces", span)
    context = error.context_mark
    related: tuple[tuple[str, Span], ...] = ()
    if context and mark and context.line != mark.line:
        related = (("it belongs to what begins here", _point(source, context.line + 1, context.column + 1)),)
    return source.diagnostic("SM101", _phrase(problem), span, related=related)


def _tab_in_indentation(source: Source, span: Span) -> bool:
    before = source.line(span.line)[: span.column]
    return "\t" in before and not before.strip()


def _phrase(problem: str) -> str:
    special = _SPECIAL.search(problem)
    if special:
        return f"a text cannot begin with {special['character']}; quote it"
    return next((text for part, text in _PHRASES if part in problem), problem)


def _point(source: Source, line: int, column: int) -> Span:
    """Return a place of one character that exists in the file."""
    line = min(line, max(1, len(source.lines)))
    column = min(column, len(source.line(line)) + 1)
    return Span(line=line, column=column, end_line=line, end_column=column + 1)
