"""One finding a line, for editors and grep: ``file:line:column: message [code]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.render.report import headline

if TYPE_CHECKING:
    from squidmesh.authoring.render.report import Report


def render(report: Report) -> str:
    """Return a line for each finding."""
    return "\n".join(headline(diagnostic) for diagnostic in report.diagnostics)
