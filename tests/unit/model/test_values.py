"""The gate in front of everything that is kept as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from types import MappingProxyType
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidmesh.errors import InvalidValue
from squidmesh.model.values import MAX_DEPTH, MAX_INTEGER_DIGITS, check, encode, printable

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


class Colour(StrEnum):
    """Text to Python, but of a type of its own."""

    RED = "red"


class Level(Enum):
    """A plain enum."""

    LOW = 1


@dataclasses.dataclass
class Invoice:
    """A dataclass inside an output."""

    id: str = "inv_1"


class Model:
    """What a pydantic model looks like from outside."""

    def model_dump(self, mode: str) -> dict:
        """Return nothing."""
        return {}


def deep(levels: int) -> list:
    """Return a list of so many levels."""
    value: list = []
    for _ in range(levels - 1):
        value = [value]
    return value


@given(JSON)
def test_json_is_kept_exactly(value: object):
    """What passes the gate comes back equal and of the same types."""
    kept = json.loads(encode(value))
    assert kept == value
    assert repr(kept) == repr(value)


@pytest.mark.parametrize("mapping", [OrderedDict(a={"b": 1}), MappingProxyType({"a": MappingProxyType({"b": 1})})])
def test_any_mapping_is_an_object(mapping):
    """A read-only or ordered mapping is written like a dict, nested ones too."""
    assert encode(mapping) == '{"a":{"b":1}}'


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ({"a": [1, float("nan")]}, "a.1", "is nan, which JSON cannot carry"),
        ({"a": float("-inf")}, "a", "is -inf, which JSON cannot carry"),
        ({"a": "x\x00y"}, "a", "contains a NUL character, which Postgres cannot store"),
        ({"a": {"\x00": 1}}, "a", "contains a NUL character, which Postgres cannot store"),
        ("\ud800", "", "contains a lone surrogate, which is not valid Unicode"),
        ({"\udfff": 1}, "", "contains a lone surrogate, which is not valid Unicode"),
        ({"a": 10**5000}, "a", f"is an integer of more than {MAX_INTEGER_DIGITS} digits"),
        ({"a": -(10**MAX_INTEGER_DIGITS)}, "a", f"is an integer of more than {MAX_INTEGER_DIGITS} digits"),
        ({"a": {10**5000: 1}}, "a", "has a key that is not a string but of type int"),
        ({Colour.RED: 1}, "", "has a key that is not a string but of type Colour"),
        ({"at": datetime(2024, 1, 1, tzinfo=UTC)}, "at", "is a datetime, which is not JSON: write value.isoformat()"),
        ({"at": date(2024, 1, 1)}, "at", "is a date, which is not JSON: write value.isoformat()"),
        ({"at": timedelta(1)}, "at", "is a timedelta, which is not JSON: write value.total_seconds()"),
        ({"a": [Decimal("1.5")]}, "a.0", "is a Decimal, which is not JSON: write str(value)"),
        ({"a": UUID(int=1)}, "a", "is a UUID, which is not JSON: write str(value)"),
        ({"a": b"x"}, "a", "is a bytes, which is not JSON: write value.decode() or base64 text"),
        ({"a": {1}}, "a", "is a set, which is not JSON: write sorted(value)"),
        ({"a": (1,)}, "a", "is a tuple, which is not JSON: write list(value)"),
        ({"a": Colour.RED}, "a", "is a Colour, which is not JSON: write value.value"),
        ({"a": Level.LOW}, "a", "is a Level, which is not JSON: write value.value"),
        ({"a": Invoice()}, "a", "is a Invoice, which is not JSON: write dataclasses.asdict(value)"),
        ({"a": Model()}, "a", "is a Model, which is not JSON: write value.model_dump(mode='json')"),
        ({"a": object()}, "a", "is a object, which is not JSON"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else None,
)
def test_what_is_not_json_is_refused_with_its_place(value: object, path: str, reason: str):
    """The error names where the value stands, what it is, and how to convert it."""
    with pytest.raises(InvalidValue) as caught:
        encode(value)
    assert (caught.value.path, caught.value.reason) == (path, reason)


def test_the_largest_integers_are_kept():
    """The limit is on digits, and the last allowed one passes."""
    largest = 10**MAX_INTEGER_DIGITS - 1
    assert encode([largest, -largest]) == f"[{largest},{-largest}]"


def test_depth_is_bounded():
    """A hundred levels pass; more, even ten thousand, are refused without exhausting the stack."""
    assert encode(deep(MAX_DEPTH)) == "[" * MAX_DEPTH + "]" * MAX_DEPTH
    for levels in (MAX_DEPTH + 1, 10_000):
        with pytest.raises(InvalidValue, match="nested deeper than 100 levels"):
            encode(deep(levels))


def test_a_value_that_contains_itself_is_too_deep():
    """A cycle is refused like any endless value."""
    endless: dict = {}
    endless["self"] = endless
    with pytest.raises(InvalidValue, match="nested deeper"):
        check(endless)


def test_size_is_counted_in_bytes_of_json():
    """The limit is what is stored: UTF-8, quotes and braces included."""
    assert encode({"a": "é"}, max_bytes=10) == '{"a":"é"}'
    with pytest.raises(InvalidValue, match=r"is 10 bytes of JSON, more than the 9 allowed \(setting max_value_bytes\)"):
        encode({"a": "é"}, max_bytes=9)


@given(st.text(st.characters()))
def test_printable_text_can_be_stored(text: str):
    """Whatever an exception says can be kept once it is made printable."""
    check(printable(text))


def test_printable_text_is_cut():
    """A text of megabytes is told by its start and its length."""
    assert printable("x" * 10, 4) == "xxxx… (10 characters)"
    assert printable("x" * 4, 4) == "xxxx"
    assert printable("a\x00b\ud800") == "a\N{REPLACEMENT CHARACTER}b?"
