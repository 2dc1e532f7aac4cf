"""What the parser trips over, in words."""

from __future__ import annotations

import pytest

from squidmesh.authoring import tree
from squidmesh.authoring.document import read_document


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: b: c", 1, 5, "quote a text that contains"),
        ("a:\n  - b\n c", 3, 2, "not indented like"),
        ("a: [b\nc: d", 2, 2, "needs ','"),
        ("a: {b: c\nd: e\n", 2, 2, "needs ','"),
        ("a:\n  b: 'x\n", 2, 6, "never closed"),
        ("a: `x`", 1, 4, "cannot begin with `"),
        ('a: "\\q"', 1, 6, "unknown escape"),
        ('a: "\\xzz"', 1, 7, "hexadecimal"),
        ("a: - b", 1, 4, "line of its own"),
        ("a: |0\n  x", 1, 5, "digit from 1 to 9"),
        ("a: !x!y z", 1, 4, "tags are not accepted"),
        ("key\nother: 1\n", 2, 6, "cannot stand here"),
    ],
)
def test_explains_what_an_author_can_change(text: str, line: int, column: int, words: str) -> None:
    """Each of the parser's complaints has its place and says what to write."""
    document, found = read_document(text, "x.yaml")
    assert document is None
    assert (found[0].code, found[0].span.line, found[0].span.column) == ("SM101", line, column)
    assert words in found[0].message


def test_an_error_of_the_parser_itself_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the YAML library is reported as unreadable text, not as a traceback."""

    def explode(*_: object, **__: object) -> None:
        raise IndexError

    monkeypatch.setattr(tree.YAML, "parse", explode)
    _, found = read_document("a: 1\nb: 2", "x.yaml")
    assert [diagnostic.code for diagnostic in found] == ["SM101"]
