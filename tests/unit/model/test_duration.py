"""Durations as text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidmesh.model.duration import LONGEST, format_duration, parse_duration, to_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("5s", timedelta(seconds=5)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("0s", timedelta()),
    ],
)
def test_each_unit_is_read(text: str, length: timedelta):
    """A whole number and a unit name a length of time."""
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "1.5s", "-5s", "5S", "1h30m", "5s\n", None, [], {}, True])
def test_other_values_are_refused_with_the_form(text: object):
    """Whatever is not a duration is refused, showing what one looks like."""
    with pytest.raises(ValueError, match="write a whole number and a unit, such as 250ms, 5s, 10m, 2h, 1d"):
        parse_duration(text)


@pytest.mark.parametrize("number", [5, 0.5])
def test_a_bare_number_is_told_its_unit_is_missing(number: float):
    """The commonest slip gets the text to write instead."""
    with pytest.raises(ValueError, match=f"write '{number}s' for seconds"):
        parse_duration(number)


def test_ten_years_are_the_longest():
    """A length that no run lives for is a slip."""
    assert parse_duration("3650d") == LONGEST
    with pytest.raises(ValueError, match="longer than ten years"):
        parse_duration("3651d")


@given(st.integers(0, LONGEST // timedelta(milliseconds=1)))
def test_text_and_length_are_the_same(milliseconds: int):
    """Formatting a length and reading it again gives the length."""
    length = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(length)) == length


def test_the_largest_exact_unit_is_chosen():
    """The text is the shortest one that loses nothing."""
    texts = [format_duration(timedelta(seconds=seconds)) for seconds in (0, 0.25, 90, 120, 3600, 86400)]
    assert texts == ["0s", "250ms", "90s", "2m", "1h", "1d"]


def test_callers_may_give_text_seconds_or_a_length():
    """The Python API takes what is at hand; all three mean the same."""
    assert to_duration("90s") == to_duration(90) == to_duration(90.0) == to_duration(timedelta(seconds=90))


@pytest.mark.parametrize("value", [-1, timedelta(days=3651), "90", 10**9, 10**30, float("inf"), float("nan")])
def test_a_length_that_is_none_is_refused(value: object):
    """Neither negative nor longer than any run lives."""
    with pytest.raises(ValueError, match=r"between zero and ten years|not a duration"):
        to_duration(value)
