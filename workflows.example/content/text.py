"""Text out of feeds, which is often HTML."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

_UNWANTED = {"Cc", "Cs"}  # controls such as NUL, and halves of characters: neither can be stored


class _Text(HTMLParser):
    """Collects what stands between the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the signature is the base class's
        if tag in {"br", "p", "li", "div"}:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def plain_text(html: str, limit: int = 300) -> str:
    """Return ``html`` without tags, its white space collapsed, cut to ``limit`` characters."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    return shorten("".join(reader.parts), limit)


def shorten(text: str, limit: int) -> str:
    """Return ``text`` on one line of at most ``limit`` characters, none of them a control character."""
    line = without_controls(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def without_controls(text: str) -> str:
    """Return ``text`` without control characters, line ends too."""
    return "".join(character for character in text if unicodedata.category(character) not in _UNWANTED)
