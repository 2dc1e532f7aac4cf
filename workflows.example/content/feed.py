"""Fetching a feed: RSS or Atom, from the web or from a file."""

from __future__ import annotations

import base64
import io
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

import feedparser

from content.settings import load_settings
from content.text import plain_text, without_controls
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
    scheme = _scheme(feed_url)
    if scheme in {"http", "https"}:
        content, headers = _download(feed_url, ctx)
    else:
        path = url2pathname(urlsplit(feed_url).path) if scheme == "file" else feed_url
        content, headers = _read(load_settings().folder / path), {}
    return _parse(content, headers)


def _scheme(feed_url: str) -> str:
    """Return ``http``, ``https`` or ``file``, empty for a path; nothing else can be fetched."""
    try:
        scheme = urlsplit(feed_url).scheme if "://" in feed_url else ""
    except ValueError as error:
        raise StepFailed(f"feed_url is not a URL: {error}", "feed_unreadable") from error
    if scheme not in {"http", "https", "file", ""}:
        raise StepFailed(f"a feed is fetched by http, https or file, not by {scheme!r}", "feed_unreadable")
    return scheme


def _download(url: str, ctx: StepContext) -> tuple[bytes, dict[str, str]]:
    accepted = {"Accept": "application/atom+xml, application/rss+xml, application/xml"}
    answer = send(ctx, url=url, headers=accepted, follow_redirects=True)
    _refuse_without_feed(answer["status"], answer["headers"])
    body, base = answer["body"], {"content-location": _without_secrets(answer["url"])}
    if isinstance(body, dict) and "base64" in body:
        return base64.b64decode(body["base64"]), answer["headers"] | base
    # The text was decoded by the answer's charset; this overrules the encoding that the XML declares.
    return str(body or "").encode(errors="replace"), {"content-type": "application/xml; charset=utf-8"} | base


def _refuse_without_feed(status: int, headers: dict[str, str]) -> None:
    """Fail for an answer that is no error, and brings no feed either."""
    if status in {HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT}:
        raise StepFailed(f"the server answered {status}: there is nothing", "not_a_feed")
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        place = _without_secrets(headers["location"]) if "location" in headers else ""
        moved = f", moved to {place}" if place else ""
        raise StepFailed(f"the server answered {status}{moved}, and no feed", "not_a_feed")


def _without_secrets(url: str) -> str:
    """Return a URL without user and query, which may be credentials: links are made of it, and posted."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a path with a NUL is the latter
        reason = error.strerror if isinstance(error, OSError) else error
        raise StepFailed(f"the feed {path.name} cannot be read: {reason}", "feed_unreadable") from error


def _parse(content: bytes, headers: dict[str, str]) -> dict[str, Any]:
    try:
        # A stream, since feedparser would take text for a URL or a path.
        parsed = feedparser.parse(io.BytesIO(content), response_headers=headers)
    except Exception as error:  # a reference to no character, and whatever else its authors did not think of
        raise StepFailed(f"what was fetched cannot be read as a feed: {error}", "not_a_feed") from error
    if not parsed.get("version"):
        raise StepFailed("what was fetched is neither RSS nor Atom", "not_a_feed")
    return {
        "title": plain_text(parsed.feed.get("title", "")) or "Untitled feed",
        "link": _line(parsed.feed.get("link")),
        "entries": [_entry(entry) for entry in parsed.entries[:MAX_ENTRIES]],
    }


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "title": plain_text(entry.get("title", "")) or "Untitled",
        "link": _line(entry.get("link")),
        "published": _line(entry.get("published") or entry.get("updated")),
        "summary": plain_text(entry.get("summary", ""), MAX_SUMMARY),
    }


def _line(text: str | None) -> str | None:
    return None if text is None else without_controls(text)
