"""Plain scalars by the YAML 1.2 core schema."""

from __future__ import annotations

import pytest

from squidmesh.authoring.scalars import NotJsonError, Scalar, check_text, join_surrogates, resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("0777", 777),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("1e3", 1000.0),
    ],
)
def test_resolves_what_the_core_schema_resolves(text: str, value: Scalar) -> None:
    """Nothing, truth values and numbers have the values of YAML 1.2.2, section 10.3.2."""
    resolved = resolve_plain(text)
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "Off", "y", "1_000", "0b11", "1:30", "0o8", "-0x1F", "nan", "1e", ".", "-", "12-1"]
)
def test_leaves_everything_else_text(text: str) -> None:
    """What only YAML 1.1 gave a meaning is text."""
    assert resolve_plain(text) == text


@pytest.mark.parametrize(
    "text",
    [".nan", ".inf", "-.INF", "+.Inf", "1e999", "-1e999", "2026-01-31", "2026-1-3 9:00:00", "2026-01-31T09:00:00Z"],
)
def test_refuses_what_json_lacks(text: str) -> None:
    """Dates, infinities and not-a-number are refused with what to do instead."""
    with pytest.raises(NotJsonError, match="quote it") as caught:
        resolve_plain(text)
    assert caught.value.code == "SM110"


@pytest.mark.parametrize("text", ["9" * 1001, "9" * 5000, "0x" + "f" * 100_000])
def test_refuses_numbers_that_nobody_can_mean(text: str) -> None:
    """A number of thousands of digits is refused before it is converted."""
    with pytest.raises(NotJsonError, match="digits") as caught:
        resolve_plain(text)
    assert caught.value.code == "SM117"


def test_joins_escaped_surrogate_pairs() -> None:
    """JSON escapes of a character beyond the basic plane are that character; a lone half stays one."""
    assert join_surrogates("a\ud83e\udd91b") == "a🦑b"
    assert join_surrogates("a\ud83eb") == "a\ud83eb"


@pytest.mark.parametrize("text", ["a\x00", "\udd91"])
def test_refuses_texts_that_cannot_be_stored(text: str) -> None:
    """NUL and lone surrogates are refused."""
    with pytest.raises(NotJsonError):
        check_text(text)
