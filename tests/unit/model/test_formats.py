"""The text formats of payload fields."""

from __future__ import annotations

import pytest

from squidmesh.model.formats import FORMATS

ACCEPTED = {
    "date": ["2024-02-29", "0001-01-01"],
    "date-time": [
        "2024-02-29T09:00:00Z",
        "2024-02-29t09:00:00.123456789z",
        "2024-02-29T09:00:00.5+05:30",
        "2024-02-29T23:59:59-00:00",
    ],
    "email": ["a@example.com", "first.last+tag@mail.example.com", "o'neil@host"],
    "uri": ["https://example.com/a?b=%20#c", "mailto:a@example.com", "file:///tmp/feed.xml", "urn:isbn:0451450523"],
    "uuid": ["017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"],
}
REFUSED = {
    "date": [
        "",
        "2023-02-29",
        "20240229",
        "2024-W09-4",
        "2024-2-9",
        "2024-02-29T00:00:00Z",
        "2024-02-29\n",
        "٢٠٢٤-٠٢-٢٩",
    ],
    "date-time": [
        "2024-02-29",
        "2024-02-29T09:00:00",
        "2024-02-29 09:00:00Z",
        "2024-02-30T09:00:00Z",
        "2024-02-29T24:01:00Z",
    ],
    "email": ["", "a", "@b", "a@", "a b@c", "a..b@c", "a@-b", "a@b@c", "x" * 65 + "@example.com", "a@b\n"],
    "uri": ["", "/relative", "example.com", "https://", "https://a b", "https://[::1", "https://a/%zz", "1http://a"],
    "uuid": ["", "017f22e279b07cc398c4dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", "x" * 36],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ACCEPTED.items() for text in texts])
def test_a_text_of_the_format_is_accepted(name: str, text: str):
    """Each format takes what its specification shows."""
    assert FORMATS[name](text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_another_text_is_refused(name: str, text: str):
    """A near miss is no member: neither shape nor calendar is taken lightly."""
    assert not FORMATS[name](text)


def test_every_format_is_tried_both_ways():
    """A format added to the table needs examples here."""
    assert set(FORMATS) == set(ACCEPTED) == set(REFUSED)
