"""The full form for a terminal that shows colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.render.full import excerpt_lines, related_lines
from squidmesh.authoring.render.report import headline

if TYPE_CHECKING:
    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.authoring.render.report import Report

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}


def show(report: Report, console: Console | None = None) -> None:
    """Print all findings; the console decides by terminal and NO_COLOR whether colours show."""
    console = console or Console(highlight=False)
    for number, diagnostic in enumerate(report.diagnostics):
        if number:
            console.print()
        console.print(coloured(diagnostic), soft_wrap=True)


def coloured(diagnostic: Diagnostic) -> Text:
    """Return one finding with its code and caret in the colour of its severity."""
    style = _STYLES[diagnostic.severity]
    head = headline(diagnostic)
    code = f"[{diagnostic.code}]"
    text = Text(head.removesuffix(code), style="bold").append(code, style=style)
    lines = excerpt_lines(diagnostic)
    for line in lines[:-1]:
        text.append(f"\n{line}", style="")
    if lines:
        text.append(f"\n{lines[-1]}", style=style)
    for line in related_lines(diagnostic):
        text.append(f"\n{line}", style="dim")
    return text
