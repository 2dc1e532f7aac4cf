"""The forms for people."""

from __future__ import annotations

import io

from rich.console import Console

from squidmesh.authoring.diagnostics import Diagnostic, Severity, Span
from squidmesh.authoring.render import coloured, concise, full
from squidmesh.authoring.render.report import Report


def finding(excerpt: str, span: Span, severity: Severity = Severity.ERROR) -> Diagnostic:
    """Return a finding at a place of a line."""
    return Diagnostic(code="SM999", severity=severity, message="wrong", file="x.yaml", span=span, excerpt=excerpt)


def at(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    """Return a place."""
    return Span(line=line, column=column, end_line=end_line or line, end_column=end_column)


def test_marks_the_place_beneath_its_line() -> None:
    """Headline, frame, line, caret."""
    shown = full.render_one(finding("  retry: x", at(12, 10, 11)))
    assert shown.split("\n") == ["x.yaml:12:10: wrong [SM999]", "   |", "12 |   retry: x", "   |          ^"]


def test_marks_the_first_line_of_several() -> None:
    """A place that spans lines is marked to the end of its first."""
    assert full.render_one(finding("ab: cd", at(1, 5, 3, end_line=4))).endswith("|     ^^")


def test_marks_an_empty_place() -> None:
    """Where something is missing there is one caret."""
    assert full.render_one(finding("ab:", at(1, 4, 4))).endswith("|    ^")


def test_wide_characters_take_two_columns() -> None:
    """The caret stands beneath what it means, whatever the script."""
    assert full.render_one(finding("日本: x本y", at(1, 5, 8))).endswith("|       ^^^^")
    assert full.render_one(finding("e\u0301: x", at(1, 5, 6))).endswith("|    ^")


def test_tabs_become_blanks() -> None:
    """A tab has no width that a caret could follow."""
    assert full.render_one(finding("\ta: x", at(1, 5, 6))).endswith("1 |  a: x\n  |     ^")


def test_related_places_follow() -> None:
    """Both places of a duplicate are there."""
    diagnostic = Diagnostic(
        code="SM102",
        severity=Severity.ERROR,
        message="again",
        file="x.yaml",
        span=at(3, 1, 2),
        excerpt="a: 3",
        related=(("first defined here", at(1, 1, 2)),),
    )
    assert full.render_one(diagnostic).endswith("\n  x.yaml:1:1: first defined here")


def test_findings_are_set_apart() -> None:
    """A blank line between two; none for none."""
    one = finding("", at(1, 1, 1))
    assert (
        full.render(Report(files=(), diagnostics=(one, one)))
        == "x.yaml:1:1: wrong [SM999]\n\nx.yaml:1:1: wrong [SM999]"
    )
    assert full.render(Report(files=("x.yaml",), diagnostics=())) == ""


def test_concise_is_a_line_each() -> None:
    """For grep and editors."""
    report = Report(files=(), diagnostics=(finding("a", at(1, 1, 2)), finding("b", at(2, 3, 4), Severity.WARNING)))
    assert concise.render(report) == "x.yaml:1:1: wrong [SM999]\nx.yaml:2:3: warning: wrong [SM999]"


def shown(console: Console, report: Report) -> str:
    """Return what a console was made to show."""
    coloured.show(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_colours_change_no_word() -> None:
    """Without colours the terminal's form is the full form, long lines and brackets included."""
    report = Report(
        files=(),
        diagnostics=(finding("[bold]x[/bold] " * 20, at(1, 7, 8)), finding("b", at(2, 1, 2), Severity.WARNING)),
    )
    plain = Console(file=io.StringIO(), width=40, highlight=False)
    assert shown(plain, report) == full.render(report) + "\n"


def test_a_terminal_gets_colours_unless_it_asks_for_none() -> None:
    """The console decides."""
    report = Report(files=(), diagnostics=(finding("a", at(1, 1, 2)),))
    assert "\x1b[1;31m" in shown(Console(file=io.StringIO(), force_terminal=True, color_system="standard"), report)
    bare = Console(file=io.StringIO(), force_terminal=True, no_color=True, color_system="standard")
    assert "\x1b[31m" not in shown(bare, report)
