"""From bytes to the text of a file."""

from __future__ import annotations

import pytest

from squidmesh.authoring.diagnostics import Span
from squidmesh.authoring.source import MAX_BYTES, read_source, source_of


def test_refuses_more_than_the_limit_without_decoding() -> None:
    """A file over 1 MB is one finding, whatever is in it."""
    source, found = read_source(b"\xff" * (MAX_BYTES + 1), "big.yaml")
    assert source is None
    assert [diagnostic.code for diagnostic in found] == ["SM114"]
    assert str(MAX_BYTES) in found[0].message


def test_accepts_the_limit_itself() -> None:
    """Exactly 1 MB is still a file."""
    source, found = read_source(b"#" * MAX_BYTES, "big.yaml")
    assert source is not None
    assert found == []


def test_counts_bytes_of_text_too() -> None:
    """Text that was decoded by the caller is measured as UTF-8."""
    _, found = read_source("ü" * (MAX_BYTES // 2 + 1), "big.yaml")
    assert [diagnostic.code for diagnostic in found] == ["SM114"]


def test_finds_the_byte_that_is_no_utf_8() -> None:
    """The place counts characters, not bytes, and the excerpt can be printed."""
    _, found = read_source("a: ü\nb: ü".encode() + b"\xff", "x.yaml")
    assert (found[0].code, found[0].span.line, found[0].span.column) == ("SM115", 2, 5)
    assert found[0].excerpt == "b: ü\N{REPLACEMENT CHARACTER}"


def test_skips_a_byte_order_mark() -> None:
    """A BOM, as some editors write it, moves no column."""
    source, found = read_source("\ufeffa: 1".encode(), "x.yaml")
    assert source is not None
    assert (source.text, found) == ("a: 1", [])


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\x7fb", "a\x80b", "a\ud800b", "a\ufffeb"])
def test_refuses_characters_that_yaml_does_not_allow(text: str) -> None:
    """Control characters and surrogates are named by number, at their place."""
    source, found = read_source("ok: 1\nx: " + text, "x.yaml")
    assert source is None
    assert (found[0].code, found[0].span.line, found[0].span.column) == ("SM116", 2, 5)
    assert "NUL" in found[0].message or f"{ord(text[1]):04X}" in found[0].message


@pytest.mark.parametrize("text", ["a\tb", "a\x85b", "a\xa0b", "😀", "日本"])
def test_accepts_the_characters_that_yaml_allows(text: str) -> None:
    """Nothing that YAML 1.2 calls printable is refused."""
    source, found = read_source(text, "x.yaml")
    assert source is not None
    assert found == []


def test_blanks_every_directive_and_keeps_the_line_numbers() -> None:
    """Directives are reported where they stand and cannot change how the rest is read."""
    source, found = read_source("# first\n%YAML 1.1\n%TAG ! tag:x,2000:\n---\na: no\n%b: 1", "x.yaml")
    assert [(diagnostic.code, diagnostic.span.line) for diagnostic in found] == [("SM107", 2), ("SM107", 3)]
    assert source is not None
    assert source.text.split("\n") == ["# first", "", "", "---", "a: no", "%b: 1"]
    assert source.line(2) == "%YAML 1.1"


def test_knows_lines_by_every_kind_of_break() -> None:
    """CR, LF and both together end a line."""
    source = source_of("a\r\nb\rc\nd", "x.yaml")
    assert source.lines == ("a", "b", "c", "d")
    assert source.line(0) == source.line(5) == ""
    assert source.span_at(source.text.index("c")) == Span(line=3, column=1, end_line=3, end_column=2)
