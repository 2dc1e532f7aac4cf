"""Building a digest out of a feed."""

from __future__ import annotations

from typing import Any

from content.text import shorten
from squidmesh import step

# Discord refuses longer messages.
MAX_TEXT = 2000
# So that the first line always fits: half a link leads nowhere.
MAX_LINK = 1000


@step(description="Builds a digest of a feed's newest entries")
def build_digest(feed: dict[str, Any], posted_on: str, max_items: int = 5) -> dict[str, Any]:
    """Return ``{title, posted_on, items, text}``: ``text`` is Markdown of at most 2,000 characters."""
    title = shorten(f"{feed['title']}: digest of {posted_on}", 200)
    items = [{"title": entry["title"], "link": entry["link"]} for entry in feed["entries"][:max_items]]
    lines = [f"**{title}**", *map(_line, feed["entries"][:max_items])]
    if not items:
        lines.append("Nothing new.")
    while len("\n".join(lines)) > MAX_TEXT:
        lines.pop()
    return {"title": title, "posted_on": posted_on, "items": items, "text": "\n".join(lines)}


def _line(entry: dict[str, Any]) -> str:
    title, link = shorten(entry["title"], 300), entry["link"]
    name = f"[{title}](<{link}>)" if link and len(link) <= MAX_LINK else title
    return f"- {name}: {shorten(entry['summary'], 160)}" if entry["summary"] else f"- {name}"
