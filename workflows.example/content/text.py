"""Text out of feeds, which is often HTML."""

from __future__ import annotations

from html.parser import HTMLParser


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
    """Return ``text`` on one line of at most ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
