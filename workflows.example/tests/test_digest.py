"""Building digests."""

from __future__ import annotations

from content.digest import MAX_LINK, MAX_TEXT, build_digest


def feed(*entries: dict) -> dict:
    """Return a feed with these entries."""
    return {"title": "Lantern", "link": None, "entries": [{"link": None, "summary": ""} | entry for entry in entries]}


def test_a_digest_lists_the_newest_entries():
    """Titles with links that show no preview, and the start of each summary."""
    digest = build_digest(
        feed({"title": "2.1", "link": "https://l.example/2.1", "summary": "Fixes."}, {"title": "2.0"}), "2024-06-03"
    )
    assert digest == {
        "title": "Lantern: digest of 2024-06-03",
        "posted_on": "2024-06-03",
        "items": [{"title": "2.1", "link": "https://l.example/2.1"}, {"title": "2.0", "link": None}],
        "text": "**Lantern: digest of 2024-06-03**\n- [2.1](<https://l.example/2.1>): Fixes.\n- 2.0",
    }


def test_a_digest_is_short():
    """Five entries, unless the file's ``with`` says otherwise, and never more than a message holds."""
    entries = [{"title": str(n), "summary": "long " * 400} for n in range(50)]
    assert len(build_digest(feed(*entries), "2024-06-03")["items"]) == 5
    text = build_digest(feed(*entries), "2024-06-03", max_items=50)["text"]
    assert MAX_TEXT - 200 < len(text) <= MAX_TEXT


def test_a_link_that_leaves_no_room_is_left_out():
    """The line stays, however long what the feed says is: a digest is never its heading alone."""
    entries = [{"title": "long " * 100, "link": f"https://l.example/{'x' * MAX_TEXT}", "summary": "word " * 100}]
    text = build_digest(feed(*entries), "2024-06-03")["text"]
    assert text.splitlines()[1].startswith("- long long")
    assert "https://" not in text
    longest = {"link": f"https://{'x' * (MAX_LINK - 8)}", "title": "t" * 500, "summary": "s" * 500}
    build = build_digest(feed(longest) | {"title": "n" * 500}, "2024-06-03")["text"]
    assert longest["link"] in build


def test_a_quiet_feed_says_so():
    """An empty digest is still a message."""
    assert build_digest(feed(), "2024-06-03")["text"].endswith("Nothing new.")
