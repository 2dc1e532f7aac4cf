"""Comments that silence warnings: ``# squidmesh: ignore[SM701, SM702]``, on the line or on the comment line above."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.authoring.document import Document

_COMMENT = re.compile(r"(?:^|(?<=\s))#\s*squidmesh\s*:\s*ignore\b\s*(?:\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)
_CODE = re.compile(r"[^\s,]+")


def silencing_comment(line: str) -> re.Match[str] | None:
    """Return the silencing comment of a line."""
    return _COMMENT.search(line)


def silenced_codes(comment: re.Match[str]) -> Iterator[tuple[str, int]]:
    """Yield each code that a comment names, as it is written, with its column from 0."""
    for found in _CODE.finditer(comment["codes"] or ""):
        yield found[0], comment.start("codes") + found.start()


def audible(found: Iterable[Diagnostic], document: Document) -> Iterator[Diagnostic]:
    """Yield what no comment silences; an error stays, since the workflow would not load with it anyway."""
    for diagnostic in found:
        line = diagnostic.span.line
        ignored = _ignored(document.line(line))
        above = document.line(line - 1)
        if above.lstrip().startswith("#"):
            ignored |= _ignored(above)
        if diagnostic.severity is Severity.ERROR or diagnostic.code not in ignored:
            yield diagnostic


def _ignored(line: str) -> set[str]:
    comment = silencing_comment(line)
    return {code.upper() for code, _ in silenced_codes(comment)} if comment else set()
