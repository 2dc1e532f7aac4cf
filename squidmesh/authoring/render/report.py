"""What a renderer is given, and what all of them do to texts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from squidmesh.authoring.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDEST_EXCERPT = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The findings of one check; ``files`` are all that were looked at."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings are of this severity."""
        return sum(diagnostic.severity is severity for diagnostic in self.diagnostics)

    def of(self, file: str) -> tuple[Diagnostic, ...]:
        """Return the findings of one file."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.file == file)

    def all_files(self) -> tuple[str, ...]:
        """Return what was looked at and whatever else has findings, each once."""
        return tuple(dict.fromkeys((*self.files, *(diagnostic.file for diagnostic in self.diagnostics))))

    def summary(self) -> str:
        """Return the counts in one line."""
        checked = _counted(len(self.files), "file")
        if not self.diagnostics:
            return f"{checked} checked, nothing found"
        errors, warnings = self.count(Severity.ERROR), self.count(Severity.WARNING)
        found = [_counted(errors, "error")] * bool(errors) + [_counted(warnings, "warning")] * bool(warnings)
        affected = len({diagnostic.file for diagnostic in self.diagnostics})
        return f"{checked} checked, {' and '.join(found)} in {_counted(affected, 'file')}"


def headline(diagnostic: Diagnostic) -> str:
    """Return a finding in one line; only a warning says what it is."""
    span, kind = diagnostic.span, "warning: " if diagnostic.severity is Severity.WARNING else ""
    place = f"{visible(diagnostic.file)}:{span.line}:{span.column}"
    return f"{place}: {kind}{visible(diagnostic.message)} [{diagnostic.code}]"


def visible(text: str) -> str:
    """Return ``text`` with everything that could move a terminal's cursor or break a line made a blank."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def excerpt_window(diagnostic: Diagnostic) -> tuple[str, int]:
    """Return the part of the source line around the finding, and the column (from 0) of the finding in it."""
    line, column = visible(diagnostic.excerpt), diagnostic.span.column - 1
    if len(line) <= WIDEST_EXCERPT:
        return line, column
    start = max(0, min(column - WIDEST_EXCERPT // 2, len(line) - WIDEST_EXCERPT))
    end = start + WIDEST_EXCERPT
    before, after = "…" if start else "", "…" if end < len(line) else ""
    return f"{before}{line[start:end]}{after}", column - start + len(before)


def relative_path(file: str) -> str:
    """Return the path from the working directory, with slashes, where the file lies below it."""
    path = Path(file)
    if path.is_absolute():
        try:
            path = path.relative_to(Path.cwd())
        except ValueError:
            return path.as_posix()
    return Path(os.path.normpath(path)).as_posix()


def uri(file: str) -> str:
    """Return the path as a URI reference (RFC 3986): relative where the file lies below the working directory."""
    path = relative_path(file)
    # A name that is no UTF-8 keeps its bytes.
    encoded = quote(path, errors="surrogateescape")
    return f"file://{encoded}" if path.startswith("/") else encoded


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def occurrences(keys: Iterable[str]) -> list[int]:
    """Return for each key how many equal ones came before it."""
    seen: dict[str, int] = {}
    counts = []
    for key in keys:
        counts.append(seen.get(key, 0))
        seen[key] = counts[-1] + 1
    return counts
