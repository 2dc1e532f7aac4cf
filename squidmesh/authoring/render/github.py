"""Workflow commands of GitHub Actions, which show findings beside the changed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.render.report import relative_path

if TYPE_CHECKING:
    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.authoring.render.report import Report


def render(report: Report) -> str:
    """Return a ``::error`` or ``::warning`` command for each finding."""
    return "\n".join(_command(diagnostic) for diagnostic in report.diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    properties = {"file": relative_path(diagnostic.file), "line": span.line, "endLine": span.end_line}
    if span.line == span.end_line:
        # Columns are taken for a place within one line only.
        properties |= {"col": span.column, "endColumn": span.end_column}
    properties["title"] = diagnostic.code
    listed = ",".join(f"{name}={_escape_property(str(value))}" for name, value in properties.items())
    return f"::{diagnostic.severity.value} {listed}::{_escape(diagnostic.message)} [{diagnostic.code}]"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
