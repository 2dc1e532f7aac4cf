"""Where a problem of a condition stands, however the file writes the condition."""

from __future__ import annotations

import pytest

from squidmesh.authoring.lint import lint_text

FILE = """\
workflow: shop.order
triggers: {t: {manual: {}, payload: {feed: {type: string}, flag: {type: boolean}}}}
steps:
  s:
    log: {message: x}
    next: complete
    when: """


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("payload.feed == 'x' && payload.flog", (7, 34)),
        ('"payload.feed == \\"x\\" && payload.flog"', (7, 37)),
        ("'payload.feed == ''x'' && payload.flog'", (7, 37)),
        ("payload.feed == 'payload.flag' &&\n      payload.flog", (8, 7)),
        ("|\n      payload.feed == 'x' &&\n        payload.flog", (9, 9)),
        ("&here |2-\n      payload.feed == 'x' &&\n        payload.flog", (9, 9)),
        (">-  # folded\n      payload.feed == 'x'\n      && payload.flag && payload.flog", (9, 26)),
        (">\n      payload.feed == 'x' &&\n\n      payload.flog", (10, 7)),
        ("\"'payload.flog' != payload.feed && payload.flog\"", (7, 46)),
    ],
)
def test_the_word_itself_is_marked(written: str, place: tuple[int, int]) -> None:
    """Quotes, escapes, blocks and broken lines included; of equal words the right one."""
    (found,) = lint_text(f"{FILE}{written}\n", "x.yaml").diagnostics
    assert (found.code, found.span.line, found.span.column) == ("SM502", *place)
    assert found.span.end_column - found.span.column == len("payload.flog")


def test_what_is_not_found_in_the_file_is_told_by_its_place_in_the_text() -> None:
    """Escapes may tear a word apart."""
    (found,) = lint_text(f'{FILE}"payload.flag &&\\n  payload.fl\\x6fg"\n', "x.yaml").diagnostics
    assert "(line 2, column 3 of the condition)" in found.message
    assert (found.span.line, found.span.column) == (7, 11)
