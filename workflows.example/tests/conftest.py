"""What the tests share: settings of their own, a context to call steps with, and an HTTP server to watch."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from shop.books import books

from squidmesh.testing import step_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from squidmesh import StepContext


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that writes the settings, with the webhooks it is given, and returns their folder."""
    monkeypatch.setenv("CONTENT_SETTINGS", str(tmp_path / "content.toml"))

    def write(**webhooks: str) -> Path:
        lines = [f'{name} = "{target}"' for name, target in webhooks.items()]
        text = "\n".join(["[webhooks]", *lines, "[deliveries]", 'log = "log/deliveries.jsonl"'])
        (tmp_path / "content.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def project(configure: Callable[..., Path]) -> Path:
    """Return the folder of settings that send the digest to a sink."""
    return configure(digest_channel="sink:outbox")


@pytest.fixture
def make_context() -> Callable[..., StepContext]:
    """Return a function that makes a step's context; ``run_id`` and ``step`` decide its idempotency key."""

    def make(**facts: Any) -> StepContext:
        return step_context(**({"run_id": str(uuid4()), "step": "post_to_discord"} | facts))

    return make


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Keep the shop's books in a folder of the test; return a function that asks them for one column."""
    monkeypatch.setenv("SHOP_FOLDER", str(tmp_path))

    def ask(query: str) -> list[Any]:
        with books() as connection:
            return [row[0] for row in connection.execute(query)]

    return ask


@dataclass
class Watched:
    """A server that answers as told and remembers what it was sent."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b'{"id": "9001"}'
    moved: dict[str, str] = field(default_factory=dict)
    received: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Watched]:
    """Run an HTTP server for the time of the test."""
    watched = Watched()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            watched.received.append(
                (self.command, self.path, dict(self.headers), json.loads(content) if content else None)
            )
            if self.path in watched.moved:
                self.send_response(302)
                self.send_header("Location", watched.moved[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(watched.status)
            for name, value in watched.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(watched.body)))
            self.end_headers()
            self.wfile.write(watched.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that the server looks for

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        watched.url = f"http://127.0.0.1:{running.server_port}"
        yield watched
        running.shutdown()
        thread.join()
