"""The stand-in for Discord, run as a program of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from content.discord import post_to_discord

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
