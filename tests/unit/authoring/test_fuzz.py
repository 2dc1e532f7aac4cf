"""Whatever is in a file, checking it ends in findings that point into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.render import as_json, full, github, gitlab, junit, sarif
from squidmesh.authoring.render.report import Report
from squidmesh.authoring.rules import all_rules

if TYPE_CHECKING:
    from squidmesh.authoring.lint import LintResult

EXAMPLES = [text.encode() for rule in all_rules() for text in (rule.good, rule.bad) if 0 < len(text) < 5_000]
PIECES = [
    *(character.encode() for character in "{}[]:,-#%'\"~?&*!|>@`<=\\ \n\r\t\x00\x1bü\u2028\ufeff😀"),
    *(b"&a ", b"*a", b"!t ", b"!!int ", b"<<: ", b"null", b"true", b"5", b"1e9", b".inf", b"2026-01-31", b"\xff"),
    *(b"- ", b": ", b"? ", b"|\n", b">-\n", b"---\n", b"...\n", b"%YAML 1.1\n", b'"\\ud800"', b'"\\0"', b"payload.a"),
]
CODES = {rule.code for rule in all_rules()}


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return an example with some of its bytes cut out, repeated or replaced."""
    text = draw(st.sampled_from(EXAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=6) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


def check(text: bytes) -> LintResult:
    """Check a text and everything that is promised about the findings."""
    result = lint_text(text, "x.yaml")
    lines = text.decode("utf-8", "replace").count("\n") + text.count(b"\r") + 1
    for diagnostic in result.diagnostics:
        assert diagnostic.code in CODES
        assert 1 <= diagnostic.span.line <= lines
        assert diagnostic.span.column >= 1
        start = (diagnostic.span.line, diagnostic.span.column)
        assert start <= (diagnostic.span.end_line, diagnostic.span.end_column)
        assert diagnostic.span.column <= len(diagnostic.excerpt) + 2
    assert result.diagnostics or result.workflow is not None
    report = Report(files=("x.yaml",), diagnostics=result.diagnostics)
    for renderer in (full, as_json, github, gitlab, junit, sarif):
        renderer.render(report).encode()
    return result


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_mutated_files(text: bytes) -> None:
    """Files that are nearly right end in findings, each at a place that exists, in every form."""
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join) | st.binary(max_size=200))
def test_random_files(text: bytes) -> None:
    """Files that are nothing at all do too."""
    check(text)
