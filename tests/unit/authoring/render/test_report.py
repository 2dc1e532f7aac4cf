"""What all renderers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squidmesh.authoring.diagnostics import Diagnostic, Severity, Span
from squidmesh.authoring.render.report import Report, excerpt_window, headline, relative_path, uri, visible

if TYPE_CHECKING:
    from pathlib import Path


def finding(
    *, file: str = "x.yaml", severity: Severity = Severity.ERROR, column: int = 1, excerpt: str = ""
) -> Diagnostic:
    """Return a finding on line 1."""
    span = Span(line=1, column=column, end_line=1, end_column=column + 1)
    return Diagnostic(code="SM999", severity=severity, message="wrong", file=file, span=span, excerpt=excerpt)


def test_counts_in_one_line() -> None:
    """Files, errors and warnings, each in the right number."""
    assert Report(files=("a", "b"), diagnostics=()).summary() == "2 files checked, nothing found"
    one = Report(files=("a",), diagnostics=(finding(file="a"),))
    assert one.summary() == "1 file checked, 1 error in 1 file"
    warnings = (finding(severity=Severity.WARNING), finding(file="b", severity=Severity.WARNING))
    both = Report(files=("a", "b", "x.yaml"), diagnostics=(*warnings, finding()))
    assert both.summary() == "3 files checked, 1 error and 2 warnings in 2 files"


def test_only_a_warning_says_what_it_is() -> None:
    """Errors have the form that editors match on."""
    assert headline(finding()) == "x.yaml:1:1: wrong [SM999]"
    assert headline(finding(severity=Severity.WARNING)) == "x.yaml:1:1: warning: wrong [SM999]"


def test_nothing_can_move_the_cursor() -> None:
    """A file name with an escape sequence or a line break stays one harmless line."""
    assert visible("a\x1b[31m\nb\u2028c\td") == "a [31m b c d"
    assert headline(finding(file="a\nb.yaml")).startswith("a b.yaml:1:1: ")


@pytest.mark.parametrize("column", [1, 100, 500, 999, 1000])
def test_a_long_line_is_cut_around_the_place(column: int) -> None:
    """The place stays in sight, at the column that is told."""
    line = "".join(chr(ord("a") + number % 26) for number in range(1000))
    shown, place = excerpt_window(finding(column=column, excerpt=line))
    assert len(shown) <= 162
    assert shown[place] == line[column - 1]


def test_paths_are_relative_to_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Services match findings with files of the repository by their relative paths."""
    monkeypatch.chdir(tmp_path)
    assert relative_path(str(tmp_path / "deep" / "x.yaml")) == "deep/x.yaml"
    assert relative_path("./deep/../x.yaml") == "x.yaml"
    assert relative_path("/elsewhere/x.yaml") == "/elsewhere/x.yaml"


def test_uris_are_encoded() -> None:
    """Spaces, marks and other letters are percent-encoded; a path elsewhere is a file URI (RFC 8089)."""
    assert uri("a b#ü.yaml") == "a%20b%23%C3%BC.yaml"
    assert uri("a\udcff.yaml") == "a%FF.yaml"
    assert uri("<stdin>") == "%3Cstdin%3E"
    assert uri("/else where/x.yaml") == "file:///else%20where/x.yaml"
