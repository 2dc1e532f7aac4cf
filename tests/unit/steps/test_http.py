"""One HTTP request as a step, against a server of the test's own."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest

import squidmesh.http
from squidmesh.errors import RetryStep, StepFailed
from squidmesh.steps import exchange
from squidmesh.steps.contract import bind, describe
from squidmesh.steps.http import request, send

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Server:
    """What the server answers next, and what it was sent."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    moved: dict[str, str] = field(default_factory=dict)
    stall: threading.Event | None = None
    received: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """Run an HTTP server that answers what the test tells it to."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            lower = {name.lower(): value for name, value in self.headers.items()}
            state.received.append((self.command, self.path, lower, self.rfile.read(length)))
            if self.path in state.moved:
                self.send_response(302)
                self.send_header("location", state.moved[self.path])
                self.send_header("content-length", "0")
                self.end_headers()
                return
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(state.body) + (1 if state.stall else 0)))
            self.end_headers()
            self.wfile.write(state.body)
            if state.stall:
                state.stall.wait(10)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that the server looks for

        def log_message(self, *args: object) -> None: ...

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{running.server_port}"
    yield state
    if state.stall:
        state.stall.set()
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_request_is_sent_as_told(context, server: Server):
    """Method, query, headers and JSON arrive; the answer comes back as data."""
    server.status, server.headers = 201, {"Content-Type": "application/json; charset=utf-8", "X-Trace": "t1"}
    server.body = b'{"id": 7}'

    answer = send(
        context, method="post", url=f"{server.url}/a?x=1", params={"q": ["b", "c"]}, headers={"X-Try": 1}, json={"n": 1}
    )

    assert (answer["status"], answer["body"], answer["headers"]["x-trace"]) == (201, {"id": 7}, "t1")
    json.dumps(answer)
    ((method, path, headers, body),) = server.received
    assert (method, path, json.loads(body)) == ("POST", "/a?x=1&q=b&q=c", {"n": 1})
    assert (headers["content-type"], headers["x-try"]) == ("application/json", "1")


def test_the_step_type_is_the_same_request(context, server: Server):
    """http.request takes its parameters by name from the step's input."""
    step_type = describe("http.request", request, "test")
    assert [parameter.name for parameter in step_type.parameters if parameter.required] == ["url"]
    arguments = bind(step_type, {"url": server.url, "method": "DELETE", "body": "bye", "other": 1}, context)
    assert step_type.call(**arguments)["status"] == 200
    assert (server.received[0][0], server.received[0][3]) == ("DELETE", b"bye")


def test_send_is_public_under_a_short_name():
    """``from squidmesh.http import send``."""
    assert squidmesh.http.send is send


def test_a_redirect_is_followed_if_asked_for(context, server: Server):
    """Where the answer came from is told, since it may be relative to that; otherwise the redirect is the answer."""
    server.moved, server.body = {"/old": "/newer", "/newer": f"{server.url}/new?x=1"}, b"here"
    answer = send(context, url=f"{server.url}/old", follow_redirects=True)
    assert (answer["status"], answer["body"], answer["url"]) == (200, "here", f"{server.url}/new?x=1")
    assert [path for _, path, _, _ in server.received] == ["/old", "/newer", "/new?x=1"]
    unfollowed = send(context, url=f"{server.url}/old")
    assert (unfollowed["status"], unfollowed["headers"]["location"]) == (302, "/newer")
    assert "url" not in unfollowed


def test_redirects_that_lead_nowhere_fail_for_good(context, server: Server):
    """A loop says so; a request that failed on the way is told with the server that it went to."""
    server.moved = {"/a": "/b", "/b": "/a"}
    with pytest.raises(StepFailed, match=r"GET http://127\.0\.0\.1:\d+: redirected more than 10 times") as caught:
        send(context, url=f"{server.url}/a", follow_redirects=True)
    assert caught.value.details["kind"] == "answer"
    assert len(server.received) == 11
    server.moved = {"/a": "ftp://elsewhere.example/"}
    with pytest.raises(StepFailed, match=r"^GET ftp://elsewhere\.example: cannot be sent"):
        send(context, url=f"{server.url}/a", follow_redirects=True)


def test_every_attempt_sends_the_same_idempotency_key(make_context, server: Server):
    """The server can tell a retry from a second order; a step may choose a key of its own."""
    for attempt in (1, 2):
        send(make_context(attempt=attempt), url=server.url)
    send(make_context(), url=server.url, headers={"idempotency-key": "mine"})
    first, second, own = [headers["idempotency-key"] for _, _, headers, _ in server.received]
    assert first == second == make_context().idempotency_key
    assert own == "mine"


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b"[1]", [1]),
        ("application/problem+json", b'{"a": null}', {"a": None}),
        ("APPLICATION/JSON", b"3", 3),
        ("application/json", b"not json", "not json"),
        ("application/json", b"[" * 100_000, "[" * 100_000),
        ("application/json", b'{"a": NaN}', '{"a": NaN}'),
        ("application/json", b"[1e999]", "[1e999]"),
        ("application/json", b'["\\u0000"]', '["\\u0000"]'),
        ("application/json", b"[" * 100 + b"]" * 100, "[" * 100 + "]" * 100),
        ("application/json", b"", None),
        ("text/plain; charset=latin-1", b"\xe9", "é"),
        ("text/plain; charset=unheard-of", b"\xe9", {"base64": "6Q=="}),
        ("text/plain; charset=utf-7", b"+2AA-", {"base64": "KzJBQS0="}),
        ("text/plain; charset=punycode", b"\xe9", {"base64": "6Q=="}),
        ("text/plain", b"", None),
        ("image/png", b"\x89PNG\x00", {"base64": base64.b64encode(b"\x89PNG\x00").decode()}),
        ("text/plain", b"a\x00b", {"base64": base64.b64encode(b"a\x00b").decode()}),
    ],
)
def test_a_body_is_what_its_content_type_says(
    context, server: Server, content_type: str, body: bytes, expected: object
):
    """JSON is parsed, text is text, everything else is kept whole; a wrong label is no failure."""
    server.headers, server.body = {"Content-Type": content_type}, body
    assert send(context, url=server.url)["body"] == expected


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (404, False), (409, False), (408, True), (429, True), (500, True), (503, True)],
)
def test_a_failing_status_fails_the_step(context, server: Server, status: int, retryable: bool):
    """408, 429 and 5xx may pass; the others will not."""
    server.status, server.body = status, b"too bad"
    with pytest.raises(RetryStep if retryable else StepFailed) as caught:
        send(context, url=server.url)
    assert caught.value.message.startswith(f"GET {server.url}: answered {status} ")
    assert caught.value.code == "http_status"
    assert caught.value.details == {
        "kind": "status",
        "retryable": retryable,
        "method": "GET",
        "server": server.url,
        "status": status,
        "body": "too bad",
    }


def test_a_redirect_is_an_answer(context, server: Server):
    """It is not followed: the request, its key and its credentials go where the file says."""
    server.status, server.headers = 302, {"Location": "http://127.0.0.1:9/"}
    assert send(context, url=server.url)["status"] == 302
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("value", "delay"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), 0.0),
        (format_datetime(datetime.now(UTC) + timedelta(days=9), usegmt=True), exchange.LONGEST_RETRY_AFTER),
        ("9" * 400, exchange.LONGEST_RETRY_AFTER),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +999999999999999999", None),
        ("-5", None),
    ],
    ids=["seconds", "none", "past", "far", "huge", "words", "year", "zone", "negative"],
)
def test_retry_after_is_honoured(context, server: Server, value: str, delay: float | None):
    """Seconds or a date, at most a day; anything else leaves the step's own backoff."""
    server.status, server.headers = 503, {"Retry-After": value}
    with pytest.raises(RetryStep) as caught:
        send(context, url=server.url)
    assert caught.value.delay == delay


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_transport_error_is_retryable(context):
    """Nobody there now may be somebody there later."""
    with pytest.raises(RetryStep) as caught:
        send(context, url=f"http://user:hunter2@127.0.0.1:{closed_port()}/hunter2?token=hunter2")
    assert (caught.value.code, caught.value.details["kind"]) == ("http_transport", "transport")
    assert "ConnectError" in caught.value.message


def test_this_machine_is_reached_without_a_proxy(context, server: Server, monkeypatch: pytest.MonkeyPatch):
    """A proxy of the environment is for other machines."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    assert send(context, url=server.url)["status"] == 200
    with pytest.raises(RetryStep):
        send(context, url="http://example.invalid")


def test_a_time_out_is_retryable(context, server: Server):
    """The bound is told; how the request went is unknown, which is what the idempotency key is for."""
    server.stall, server.body = threading.Event(), b"never complete"
    with pytest.raises(RetryStep) as caught:
        send(context, url=server.url, timeout="50ms")
    assert caught.value.message == f"GET {server.url}: no answer within 0.05 s"
    assert (caught.value.code, caught.value.details["retryable"]) == ("http_timeout", True)


def test_an_endless_answer_is_cut_off(context, server: Server, monkeypatch: pytest.MonkeyPatch):
    """Memory is bounded whatever a server sends, and asking again would not help."""
    monkeypatch.setattr(exchange, "MAX_BODY_BYTES", 1000)
    server.body = b"x" * 1001
    with pytest.raises(StepFailed) as caught:
        send(context, url=server.url)
    assert caught.value.code == "http_answer"


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "ftp://user:hunter2@host/"},
        {"url": "hunter2"},
        {"url": "http:///hunter2"},
        {"url": "https://user:hunter2@[::1"},
        {"url": "http://host/hunter2\x00"},
        {"url": "http://a..b/hunter2"},
        {"url": f"http://{'a' * 70}/hunter2"},
        {"url": "http://127.0.0.1:70000/hunter2"},
        {"url": 3},
        {"headers": {"Authorization": "hunter2\n"}},
        {"headers": {"Authorization": "hünter2"}},
        {"headers": ["hunter2"]},
        {"params": "hunter2"},
        {"method": "hunter2 "},
        {"method": "hünter2"},
        {"json": {"hunter2": float("nan")}},
        {"json": {}, "body": "hunter2"},
        {"body": {"hunter2": 1}},
        {"timeout": "hunter2 seconds"},
        {"timeout": 0},
        {"timeout": float("inf")},
        {"timeout": 10**400},
        {"timeout": "2d"},
    ],
    ids=str,
)
def test_a_request_that_cannot_be_sent_fails_for_good(context, server: Server, arguments: dict):
    """A mistake in the file or the data stays one, and the message repeats none of it that may be a credential."""
    with pytest.raises(StepFailed) as caught:
        send(context, **({"url": server.url} | arguments))
    assert (caught.value.code, caught.value.details["kind"]) == ("http_request", "request")
    assert caught.value.details["retryable"] is False
    if "timeout" not in arguments and "method" not in arguments:
        assert "hunter2" not in f"{caught.value}{caught.value.details}"
    assert not server.received


@pytest.mark.parametrize("status", [404, 503])
def test_no_error_repeats_credentials_of_the_url(context, server: Server, status: int):
    """The user part, the path (a webhook's secret) and the query stay out of messages and details."""
    server.status = status
    url = server.url.replace("//", "//user:hunter2@") + "/hooks/hunter2?token=hunter2#hunter2"
    with pytest.raises((RetryStep, StepFailed)) as caught:
        send(context, url=url)
    assert "hunter2" not in f"{caught.value}{caught.value.details}"
    assert server.received[0][2]["authorization"].startswith("Basic ")


def test_no_log_record_repeats_the_url(context, server: Server, caplog: pytest.LogCaptureFixture):
    """Not even httpx's own; requests of others are logged as they were before."""
    with caplog.at_level(logging.DEBUG):
        send(context, url=server.url.replace("//", "//user:hunter2@") + "/hooks/hunter2?token=hunter2")
        assert "hunter2" not in caplog.text
        assert f"GET {server.url} answered 200" in caplog.text
        httpx.get(f"{server.url}/theirs", trust_env=False)
    assert "/theirs" in caplog.text
