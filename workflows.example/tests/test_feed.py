"""Fetching feeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from content.feed import MAX_ENTRIES, fetch_feed

from squidmesh import RetryStep, StepFailed

SAMPLE = Path(__file__).parent.parent / "sample" / "releases.xml"
RSS = """<?xml version="1.0" encoding="{encoding}"?>
<rss version="2.0"><channel><title>Käse &amp; more</title><link>https://feed.example/</link>
<item><title>One</title><link>https://feed.example/1</link><pubDate>Mon, 03 Jun 2024 08:00:00 GMT</pubDate>
<description>&lt;p&gt;First &lt;b&gt;entry&lt;/b&gt;&lt;/p&gt;&lt;p&gt;ends&lt;/p&gt;</description></item>
<item><description>No title</description></item>
</channel></rss>"""


def test_the_sample_is_found_whatever_the_working_directory_is(make_context, tmp_path, monkeypatch):
    """The default of the workflow works as it stands, beside the settings that are shipped with the example."""
    monkeypatch.delenv("CONTENT_SETTINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    feed = fetch_feed("sample/releases.xml", make_context())
    assert feed["title"] == "Lantern release notes"
    assert feed["entries"][0] == {
        "title": "Lantern 2.4.1",
        "link": "https://lantern.example/releases/2.4.1",
        "published": "2024-06-03T08:00:00Z",
        "summary": "Fixes a crash on folders whose names end in a full stop, and two slow redraws on wide screens.",
    }
    json.dumps(feed)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("place", [str(SAMPLE), SAMPLE.as_uri()])
def test_a_file_is_read_by_path_or_url(make_context, place: str):
    """An absolute path and a file URL mean the same file."""
    assert len(fetch_feed(place, make_context())["entries"]) == 6


def test_a_relative_path_starts_at_the_settings(make_context, project: Path):
    """A host that keeps its settings elsewhere keeps its files there too; names may need quoting in URLs."""
    (project / "my feed.xml").write_text(RSS.format(encoding="utf-8"), encoding="utf-8")
    assert fetch_feed("my feed.xml", make_context())["title"] == "Käse & more"
    assert fetch_feed((project / "my feed.xml").as_uri(), make_context())["title"] == "Käse & more"


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", "application/rss+xml"),
        ("utf-8", "application/rss+xml; charset=utf-8"),
        ("iso-8859-1", "application/rss+xml"),
        ("iso-8859-1", "text/xml; charset=iso-8859-1"),
    ],
)
def test_rss_is_fetched_over_http(make_context, server, encoding: str, content_type: str):
    """In the encoding that the server or the document names; HTML becomes text, what is missing gets a name."""
    server.body = RSS.format(encoding=encoding).encode(encoding)
    server.headers = {"Content-Type": content_type}
    feed = fetch_feed(f"{server.url}/feed.xml?x=1", make_context())
    assert (server.received[0][0], server.received[0][1]) == ("GET", "/feed.xml?x=1")
    assert (feed["title"], feed["link"]) == ("Käse & more", "https://feed.example/")
    assert [entry["title"] for entry in feed["entries"]] == ["One", "Untitled"]
    assert feed["entries"][0]["summary"] == "First entry ends"
    assert feed["entries"][0]["published"] == "Mon, 03 Jun 2024 08:00:00 GMT"


def test_a_busy_server_is_asked_again_later(make_context, server):
    """The workflow's retry policy decides how often."""
    server.status, server.headers = 503, {"Retry-After": "7"}
    with pytest.raises(RetryStep) as caught:
        fetch_feed(server.url, make_context())
    assert caught.value.delay == 7


def test_a_feed_that_is_not_there_fails_for_good(make_context, server, project: Path):
    """Neither a missing page nor a missing file will appear by asking again."""
    server.status = 404
    with pytest.raises(StepFailed, match="answered 404"):
        fetch_feed(server.url, make_context())
    with pytest.raises(StepFailed, match=r"the feed absent\.xml cannot be read: No such file"):
        fetch_feed("absent.xml", make_context())


@pytest.mark.parametrize("text", ["", "<html><body>Sign in</body></html>", "{}", "/etc/hosts"])
def test_what_is_no_feed_is_refused(make_context, project: Path, text: str):
    """A page in the place of a feed is a mistake to be seen, not an empty digest."""
    (project / "feed.xml").write_text(text)
    with pytest.raises(StepFailed) as caught:
        fetch_feed("feed.xml", make_context())
    assert caught.value.code == "not_a_feed"


def test_a_long_feed_is_cut(make_context, project: Path):
    """The output of a step is kept with the run, so it stays small."""
    items = "".join(f"<item><title>{n}</title></item>" for n in range(200))
    (project / "feed.xml").write_text(f'<rss version="2.0"><channel>{items}</channel></rss>')
    assert len(fetch_feed("feed.xml", make_context())["entries"]) == MAX_ENTRIES


def feed_of(*items: str, title: str = "News") -> bytes:
    """Return an RSS document with these items."""
    return f'<rss version="2.0"><channel><title>{title}</title>{"".join(items)}</channel></rss>'.encode()


def test_a_feed_that_moved_is_fetched_where_it_is(make_context, server):
    """Links that are relative start there, without the user and the query of its URL, which may be secrets."""
    server.moved = {"/feed": "/there/feed.xml?token=s3cret"}
    server.headers = {"Content-Type": "application/rss+xml"}
    server.body = feed_of("<item><link>1.html</link></item>", "<item><link>/2.html</link></item>", "<item></item>")
    feed = fetch_feed(server.url.replace("http://", "http://me:s3cret@") + "/feed", make_context())
    links = [entry["link"] for entry in feed["entries"]]
    assert links == [f"{server.url}/there/1.html", f"{server.url}/2.html", None]
    assert "s3cret" not in json.dumps(feed)


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (204, {}, "the server answered 204: there is nothing"),
        (304, {}, "the server answered 304, and no feed"),
        (300, {"Location": "https://me:s3cret@there.example/a?b"}, "300, moved to https://there.example/a, and no"),
    ],
)
def test_an_answer_without_a_feed_says_so(make_context, server, status: int, headers: dict, told: str):
    """What the server answered, not that it is neither RSS nor Atom."""
    server.status, server.headers, server.body = status, headers, b""
    with pytest.raises(StepFailed, match=told) as caught:
        fetch_feed(server.url, make_context())
    assert caught.value.code == "not_a_feed"


def test_a_redirect_that_never_ends_fails_for_good(make_context, server):
    """It is followed ten times."""
    server.moved = {"/a": "/b", "/b": "/a"}
    with pytest.raises(StepFailed, match="redirected more than 10 times"):
        fetch_feed(f"{server.url}/a", make_context())


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://x.example/y", "by http, https or file, not by 'ftp'"),
        ("http://[::1", "feed_url is not a URL: Invalid IPv6 URL"),
        ("a\x00b", "cannot be read: embedded null byte"),
    ],
)
def test_an_address_of_no_use_fails_for_good(make_context, url: str, told: str):
    """It will be no better the next time."""
    with pytest.raises(StepFailed, match=told) as caught:
        fetch_feed(url, make_context())
    assert caught.value.code == "feed_unreadable"


@pytest.mark.parametrize("reference", ["&#xD800;", "&#x110000;", "&#99999999999;"])
def test_a_reference_to_no_character_makes_no_feed(make_context, project: Path, reference: str):
    """The reader of feeds does not survive it; whoever is asked again would not either."""
    (project / "feed.xml").write_bytes(feed_of(f"<item><title>a{reference}b</title></item>"))
    with pytest.raises(StepFailed, match="cannot be read as a feed") as caught:
        fetch_feed("feed.xml", make_context())
    assert caught.value.code == "not_a_feed"


def test_control_characters_are_left_out(make_context, project: Path):
    """A NUL cannot be stored, wherever it stands."""
    item = "<item><title>a\0b\x01c</title><link>http://x.example/\0y</link><pubDate>now\0</pubDate></item>"
    (project / "feed.xml").write_bytes(feed_of(item, title="News\0"))
    feed = fetch_feed("feed.xml", make_context())
    assert (feed["title"], feed["entries"]) == (
        "News",
        [{"title": "abc", "link": "http://x.example/y", "published": "now", "summary": ""}],
    )
