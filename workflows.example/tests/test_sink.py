"""The stand-in for Discord, run as a program of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from content.discord import post_to_discord
from content.sink import main, running_sink

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sink_runs_on_its_own(number, configure, make_context, tmp_path: Path):
    """It says which URL to enter, takes messages until it is asked to stop, and leaves them in its folder."""
    command = [sys.executable, "-m", "content.sink", "--port", "0", "--folder", str(tmp_path / "kept")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            (url,) = re.findall(r'digest_channel = "(.+)"', running.stdout.readline())
            configure(digest_channel=url)
            posted = post_to_discord({"text": "hello"}, "digest_channel", make_context())
        finally:
            running.send_signal(number)
            rest = running.stdout.read()
    assert running.returncode == 0
    assert "Messages are in" in rest
    assert (tmp_path / "kept" / f"{posted['message_id']}.json").exists()


def test_what_cannot_be_used_is_told_in_one_line(capsys, tmp_path: Path):
    """A port in use, a port that there is not, a file for a folder: exit 2, and no traceback."""
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        mistakes = {
            ("--folder", str(tmp_path), "--port", port): f"--port {port} cannot be used: Address already in use",
            ("--port", "99999"): "argument --port: '99999' is not a number from 0 (a free one) to 65535",
            (
                "--port",
                "0",
                "--folder",
                str(tmp_path / "file"),
            ): f"--folder {tmp_path}/file cannot be used: it is a file",
        }
        for arguments, told in mistakes.items():
            with pytest.raises(SystemExit) as caught:
                main([*arguments])
            assert caught.value.code == 2
            assert capsys.readouterr().err.splitlines()[-1] == f"python -m content.sink: error: {told}"


def test_a_message_is_there_whole_or_not_at_all(project: Path, make_context, monkeypatch):
    """A sink that is killed while it writes leaves nothing that the next attempt would take for the message."""
    with monkeypatch.context() as broken, running_sink(project / "outbox") as url:
        broken.setattr("content.sink.json.dumps", lambda *_, **__: 1 / 0)
        broken.setattr("content.sink.json.dump", lambda *_, **__: 1 / 0)
        broken.setattr("socketserver.BaseServer.handle_error", lambda *_: None)
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}/webhooks/x", content='{"content": "hello"}', headers={"Idempotency-Key": "k"})
    assert list((project / "outbox").iterdir()) == []
    posted = post_to_discord({"text": "hello"}, "digest_channel", make_context())
    assert [path.stem for path in (project / "outbox").iterdir()] == [posted["message_id"]]
