"""JSON for scripts: one object with the findings and their counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.render.report import excerpt_window

if TYPE_CHECKING:
    from squidmesh.authoring.diagnostics import Diagnostic, Span
    from squidmesh.authoring.render.report import Report


def render(report: Report) -> str:
    """Return ``{diagnostics: […], files, errors, warnings}``; lines and columns count from 1, ends are exclusive."""
    document = {
        "diagnostics": [_finding(diagnostic) for diagnostic in report.diagnostics],
        "files": len(report.files),
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
    }
    return json.dumps(document, indent=2)


def _finding(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": diagnostic.file,
        **_place(diagnostic.span),
        "excerpt": excerpt_window(diagnostic)[0],
        "related": [{"message": note, **_place(span)} for note, span in diagnostic.related],
    }


def _place(span: Span) -> dict[str, int]:
    return {"line": span.line, "column": span.column, "end_line": span.end_line, "end_column": span.end_column}
