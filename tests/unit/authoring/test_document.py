"""Documents: plain data, and where everything stands."""

from __future__ import annotations

import json

import pytest

from squidmesh.authoring.diagnostics import Diagnostic, Severity, Span
from squidmesh.authoring.document import Document, read_document

TEXT = """\
name: squid
list:
  - one
  - {two: 2, "three": [4, 5]}
text: |
  first
  second
empty:
"""


def read(text: str) -> Document:
    """Return the document of a text without findings."""
    document, found = read_document(text, "x.yaml")
    assert document is not None
    assert found == []
    return document


def codes(text: str | bytes) -> list[str]:
    """Return the codes of what is wrong with a text."""
    return [diagnostic.code for diagnostic in read_document(text, "x.yaml")[1]]


def part(document: Document, span: Span) -> str:
    """Return the text at a place within one line."""
    assert span.line == span.end_line
    return document.line(span.line)[span.column - 1 : span.end_column - 1]


def test_reads_plain_data() -> None:
    """Mappings, lists and scalars come out as Python's own types."""
    assert read(TEXT).data == {
        "name": "squid",
        "list": ["one", {"two": 2, "three": [4, 5]}],
        "text": "first\nsecond\n",
        "empty": None,
    }


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("name",), "name", "squid"),
        (("list", 0), "one", "one"),
        (("list", 1, "two"), "two", "2"),
        (("list", 1, "three"), '"three"', "[4, 5]"),
        (("list", 1, "three", 1), "5", "5"),
    ],
)
def test_knows_where_keys_and_values_stand(path: tuple[str | int, ...], key: str, value: str) -> None:
    """Each path leads to the exact characters, quotes and brackets included."""
    document = read(TEXT)
    assert part(document, document.key_span(path)) == key
    assert part(document, document.value_span(path)) == value


def test_a_block_ends_with_its_last_line() -> None:
    """The place of a block list does not take in the lines that follow it."""
    document = read(TEXT)
    assert document.value_span(("list",)) == Span(line=3, column=3, end_line=4, end_column=30)


def test_an_empty_value_stands_at_its_key() -> None:
    """There is nothing else to point at."""
    document = read(TEXT)
    assert document.value_span(("empty",)) == document.key_span(("empty",))


def test_a_path_that_leads_nowhere_ends_at_the_nearest_part() -> None:
    """A finding about a missing key points at what lacks it, and an impossible path is no crash."""
    document = read(TEXT)
    assert document.value_span(("list", 1, "missing")) == document.key_span(("list", 1))
    assert document.value_span(("name", "deeper", 3)) == document.key_span(("name",))
    assert document.value_span(("list", 9)) == document.key_span(("list",))


def test_a_diagnostic_can_point_into_a_scalar() -> None:
    """An offset counts characters of the text, behind quotes if there are any."""
    document = read("steps:\n  a: {when: 'payload.amout > 3'}\n")
    diagnostic = document.diagnostic("SM502", "unknown", ("steps", "a", "when"), offset=8, length=5)
    assert part(document, diagnostic.span) == "amout"
    assert diagnostic.excerpt == "  a: {when: 'payload.amout > 3'}"


@pytest.mark.parametrize(
    ("text", "offset", "length", "marked"),
    [
        ('a: "x\\ty and more"', 2, 5, "y and"),
        ("a: |\n  first\n  second\n", 6, 6, "second"),
        ("a:\n  plain\n  folded\n", 6, 6, "folded"),
        ("a: 'it''s more'", 5, 4, "more"),
        ("a: aa aa aa", 6, 2, "aa"),
    ],
)
def test_a_part_is_found_however_the_text_is_written(text: str, offset: int, length: int, marked: str) -> None:
    """Escapes, blocks and folded lines move words, and do not change them."""
    document = read(text)
    span = document.diagnostic("SM502", "unknown", ("a",), offset=offset, length=length).span
    assert part(document, span) == marked
    assert span.column > 1 or span.line > 1


@pytest.mark.parametrize("text", ['a: "x\\ty and more"', "a: [1]"])
def test_an_offset_into_anything_else_points_at_the_whole(text: str) -> None:
    """An escape itself, and what is no text, have no columns to count: the value is pointed at."""
    document = read(text)
    assert document.diagnostic("SM502", "unknown", ("a",), offset=1, length=2).span == document.value_span(("a",))


def test_an_offset_beyond_the_text_stays_within_it() -> None:
    """A column that is off by a little still marks something."""
    document = read("a: abc")
    span = document.diagnostic("SM502", "unknown", ("a",), offset=50, length=10).span
    assert span == Span(line=1, column=7, end_line=1, end_column=8)


def test_a_diagnostic_carries_severity_and_prints_in_one_line() -> None:
    """The text is file, line, column, message and code."""
    diagnostic = read("a: 1").diagnostic("SM701", "careful", ("a",), severity=Severity.WARNING, on="key")
    assert diagnostic == Diagnostic(
        code="SM701",
        severity=Severity.WARNING,
        message="careful",
        file="x.yaml",
        span=Span(line=1, column=1, end_line=1, end_column=2),
        excerpt="a: 1",
    )
    assert str(diagnostic) == "x.yaml:1:1: careful [SM701]"


def test_aliases_are_expanded_and_stand_where_they_are_defined() -> None:
    """Two uses of one anchor give equal data, and a finding leads to the anchor."""
    document = read("a: &x {k: 1}\nb: *x\n")
    assert document.data == {"a": {"k": 1}, "b": {"k": 1}}
    assert document.value_span(("b", "k")) == document.value_span(("a", "k"))


def test_reading_goes_on_after_what_can_be_passed_over() -> None:
    """One pass finds duplicates, tags, odd keys and dates together, and the rest of the data is there."""
    text = "a: 1\na: 2\n<<: {b: 1}\nc: !t x\n1: y\nd: 2026-01-31\ne: fine\n"
    document, found = read_document(text, "x.yaml")
    assert [diagnostic.code for diagnostic in found] == ["SM102", "SM108", "SM106", "SM109", "SM110"]
    assert document is not None
    assert document.data == {"a": 1, "b": 1, "c": "x", "1": "y", "d": "2026-01-31", "e": "fine"}


@pytest.mark.parametrize(
    ("text", "code"), [('"a\\ud800": 1', "SM116"), ('"a\\0": 1', "SM116"), ("2026-01-31: 1", "SM109")]
)
def test_keys_are_checked_like_values(text: str, code: str) -> None:
    """A key that cannot be stored is a finding, and what is left of it can be printed."""
    document, found = read_document(text, "x.yaml")
    assert [diagnostic.code for diagnostic in found] == [code]
    assert document is not None
    json.dumps(document.data, ensure_ascii=False).encode()


def test_quoted_keys_are_keys() -> None:
    """Quotes take the special meaning from '<<' and from numbers."""
    assert read("\"<<\": 1\n'1': 2\n").data == {"<<": 1, "1": 2}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "a: &a ["
            + "x, " * 9
            + "]\n"
            + "".join(f"{y}: &{y} [{f'*{x}, ' * 9}]\n" for x, y in zip("abcdef", "bcdefg", strict=True)),
            "SM112",
        ),
        ("x: &x 1\ny: [" + "*x, " * 101 + "]", "SM112"),
        ("- x\n" * 50_001, "SM112"),
        ("[" * 100_000, "SM113"),
        ("{a: " * 100_000, "SM113"),
        ("- " * 100_000, "SM113"),
        ("? " * 100_000, "SM113"),
        ("a: &x " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*x" + "]" * 60, "SM113"),
        ("a: &a {b: &b [*a]}", "SM111"),
        ("&a [*a]", "SM111"),
        ("a: '" + "\n" * 900_000, "SM101"),
        ('a: "' + "\\" * 900_000, "SM101"),
        ("&a " * 300_000, "SM101"),
        ("!t " * 300_000 + "x", "SM106"),
        ("%YAML 1.1\n" * 3, "SM107"),
        ("%YAML 999999999999.1\n---\na: 1", "SM107"),
    ],
    ids=lambda value: value[:12],
)
def test_refuses_hostile_text(text: str, code: str) -> None:
    """What would take memory or time without end is one early finding."""
    assert codes(text)[0] == code


@pytest.mark.parametrize(
    "filler",
    [
        "#",
        "x",
        " ",
        "\n",
        "x ",
        "- ",
        "a\n\n",
        ",",
        ": ",
        "'",
        '"',
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "\t",
        "?",
        "]",
        "}",
        "---\n",
        "...\n",
        "ü",
        "\\",
    ],
)
def test_much_of_anything_is_read_or_refused(filler: str) -> None:
    """No filler, bare or behind a key, makes the reader crash."""
    for prefix in ("", "a: ", "a: [", "a: |\n "):
        text = prefix + filler * (20_000 // len(filler))
        document, found = read_document(text, "x.yaml")
        assert document is not None or found
