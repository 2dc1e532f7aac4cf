"""Fetching a feed: RSS or Atom, from the web or from a file."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import feedparser

from content.settings import load_settings
from content.text import plain_text
from squidmesh import StepContext, step
from squidmesh.errors import StepFailed
from squidmesh.http import send

if TYPE_CHECKING:
    from pathlib import Path

MAX_ENTRIES = 50
MAX_SUMMARY = 500


@step(
    description="Fetches an RSS or Atom feed",
    output_schema={
        "type": "object",
        "required": ["title", "entries"],
        "properties": {"title": {"type": "string"}, "entries": {"type": "array", "maxItems": MAX_ENTRIES}},
    },
)
def fetch_feed(feed_url: str, ctx: StepContext) -> dict[str, Any]:
    """Return ``{title, link, entries: [{title, link, published, summary}]}``, newest as the feed orders them.

    ``feed_url`` is an http or https URL, a file URL, or a path; a relative path starts at the folder of
    ``content.toml``, whatever the worker's working directory is.
    """
    scheme = urlsplit(feed_url).scheme
    if scheme in {"http", "https"}:
        content, headers = _download(feed_url, ctx)
    else:
        path = url2pathname(urlsplit(feed_url).path) if scheme == "file" else feed_url
        content, headers = _read(load_settings().folder / path), {}
    return _parse(content, headers)


def _download(url: str, ctx: StepContext) -> tuple[bytes, dict[str, str]]:
    answer = send(ctx, url=url, headers={"Accept": "application/atom+xml, application/rss+xml, application/xml"})
    body = answer["body"]
    if isinstance(body, dict) and "base64" in body:
        return base64.b64decode(body["base64"]), answer["headers"]
    # The text was decoded by the answer's charset; this overrules the encoding that the XML declares.
    return str(body or "").encode(), {"content-type": "application/xml; charset=utf-8"}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StepFailed(f"the feed {path.name} cannot be read: {error.strerror}", "feed_unreadable") from error


def _parse(content: bytes, headers: dict[str, str]) -> dict[str, Any]:
    # A stream, since feedparser would take text for a URL or a path.
    parsed = feedparser.parse(io.BytesIO(content), response_headers=headers)
    if not parsed.get("version"):
        raise StepFailed("what was fetched is neither RSS nor Atom", "not_a_feed")
    return {
        "title": plain_text(parsed.feed.get("title", "")) or "Untitled feed",
        "link": parsed.feed.get("link"),
        "entries": [_entry(entry) for entry in parsed.entries[:MAX_ENTRIES]],
    }


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "title": plain_text(entry.get("title", "")) or "Untitled",
        "link": entry.get("link"),
        "published": entry.get("published") or entry.get("updated"),
        "summary": plain_text(entry.get("summary", ""), MAX_SUMMARY),
    }
