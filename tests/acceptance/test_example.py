"""The example's run survives the death of its worker."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh import SquidMesh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.conftest import Desk, Process

EXAMPLE = Path(__file__).parents[2] / "workflows.example"


class Channel(ThreadingHTTPServer):
    """A webhook that leaves its first caller without an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: list[str] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        """The webhook's URL."""
        return f"http://127.0.0.1:{self.server_port}/webhooks/1"


class _Handler(BaseHTTPRequestHandler):
    server: Channel

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.append(self.headers["Idempotency-Key"])
        if len(self.server.keys) == 1:
            self.server.ended.wait(60)
            return
        body = b'{"id": "9001"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def channel() -> Iterator[Channel]:
    """The channel that the digest is posted to."""
    with Channel() as channel:
        thread = threading.Thread(target=channel.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield channel
        channel.ended.set()
        channel.shutdown()
        thread.join()


def test_a_worker_killed_in_the_middle_of_the_digest_and_started_again_finishes_it(
    database_url: str,
    desk: Desk,
    channel: Channel,
    worker: Callable[..., Process],
    until: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """After kill -9 while the digest is being posted, a new worker posts it, under the same idempotency key."""
    settings = tmp_path / "content.toml"
    settings.write_text(f'[webhooks]\ndigest_channel = "{channel.url}"\n[deliveries]\nlog = "deliveries.jsonl"\n')
    payload = {"feed_url": str(EXAMPLE / "sample" / "releases.xml")}
    options = ("--workflows", str(EXAMPLE / "workflows"))

    with SquidMesh(database_url, workflows=EXAMPLE / "workflows", folder=EXAMPLE) as mesh:
        run = mesh.start_run("content.post_daily_digest", payload)
        first = worker(*options, CONTENT_SETTINGS=str(settings))
        until(lambda: channel.keys)
        first.kill()

        worker(*options, CONTENT_SETTINGS=str(settings))
        until(lambda: mesh.inspect_run(run.id).status == "completed")
        history = mesh.inspect_run(run.id, include_history=True)

    attempts = {
        step.step: [(attempt.status, attempt.error) for attempt in step.attempts] for step in history.steps or ()
    }
    assert [status for status, _ in attempts["fetch_feed"]] == ["completed"]
    (lost, error), (done, _) = attempts["post_to_discord"]
    assert (lost, done) == ("failed", "completed")
    assert error is not None
    assert error["code"] == "worker_lost"
    assert len(channel.keys) == 2
    assert len(set(channel.keys)) == 1
    assert len((tmp_path / "deliveries.jsonl").read_text().splitlines()) == 1
