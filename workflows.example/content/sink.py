"""A stand-in for Discord's webhooks on this machine: ``python -m content.sink``.

It speaks the part of the interface that the steps use: POST to a webhook answers with the message and its id,
DELETE of ``messages/ID`` below it takes the message away. Each message is one JSON file in a folder, so that a
person can look at what arrived. A second POST with the same ``Idempotency-Key`` gives the first message again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import sys
import threading
import uuid
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CONTENT = 2000
MAX_REQUEST = 1024 * 1024
MAX_PORT = 65535
_WEBHOOK = re.compile(r"/webhooks/(?P<name>[\w.-]+)")
_MESSAGE = re.compile(r"/webhooks/(?P<name>[\w.-]+)/messages/(?P<id>\w+)")


@contextmanager
def running_sink(folder: Path, port: int = 0) -> Iterator[str]:
    """Run the sink beside the caller, on a free port unless one is given, and give its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, folder=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="content-sink")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection; the messages are the files of ``folder``."""

    def __init__(self, *args: Any, folder: Path) -> None:
        self.folder = folder
        super().__init__(*args)  # answers the request before it returns

    def do_POST(self) -> None:
        webhook = _WEBHOOK.fullmatch(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        if webhook is None or length > MAX_REQUEST:
            self._answer(HTTPStatus.NOT_FOUND if webhook is None else HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            content = json.loads(self.rfile.read(length))["content"]
        except (ValueError, TypeError, KeyError):
            content = None
        if not isinstance(content, str) or not 0 < len(content) <= MAX_CONTENT:
            self._answer(HTTPStatus.BAD_REQUEST, {"message": f"content must be text of 1 to {MAX_CONTENT} characters"})
            return
        self._answer(HTTPStatus.OK, self._keep(webhook["name"], content))

    def do_DELETE(self) -> None:
        message = _MESSAGE.fullmatch(urlsplit(self.path).path)
        path = self.folder / f"{message['id']}.json" if message else None
        if path is None or not path.exists():
            self._answer(HTTPStatus.NOT_FOUND)
            return
        path.unlink(missing_ok=True)
        self._answer(HTTPStatus.NO_CONTENT)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Stay quiet: the messages are there to be looked at."""

    def _keep(self, webhook: str, content: str) -> dict[str, Any]:
        key = self.headers.get("Idempotency-Key") or str(uuid.uuid4())
        identifier = hashlib.sha256(key.encode()).hexdigest()[:16]
        message = {"id": identifier, "webhook": webhook, "content": content, "at": datetime.now(UTC).isoformat()}
        path, unfinished = self.folder / f"{identifier}.json", self.folder / f".{identifier}.{uuid.uuid4().hex}"
        try:
            unfinished.write_text(json.dumps(message, indent=2, ensure_ascii=False), encoding="utf-8")
            os.link(unfinished, path)  # whole or not at all
        except FileExistsError:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        finally:
            unfinished.unlink(missing_ok=True)
        return message

    def _answer(self, status: HTTPStatus, body: dict[str, Any] | None = None) -> None:
        content = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main(arguments: list[str] | None = None) -> int:
    """Run the sink until it is interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m content.sink", description="A local stand-in for Discord's webhooks."
    )
    parser.add_argument("--port", type=_port, default=8025)
    parser.add_argument("--folder", type=Path, default=Path("outbox"), help="where the messages are kept")
    chosen = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # a process in the background of a shell is born deaf to the first
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running_sink(chosen.folder, chosen.port))
        except OSError as error:  # that of a folder has its name
            place = f"--port {chosen.port}" if error.filename is None else f"--folder {chosen.folder}"
            reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
            parser.error(f"{place} cannot be used: {reason}")
        sys.stdout.write(f'Listening. In content.toml: digest_channel = "{url}/webhooks/digest_channel"\n')
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stdout.write(f"Messages are in {chosen.folder}.\n")
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 (a free one) to {MAX_PORT}")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
