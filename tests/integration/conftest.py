"""What the tests against real servers share."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIENT = Path(__file__).with_name("embedded_client.py")


class Client:
    """A process that uses an embedded server (see ``embedded_client.py``)."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(_CLIENT), str(folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def url(self) -> str:
        """Wait for the server's URL."""
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        assert line.startswith("postgresql"), line + self.finish()
        return line

    def finish(self) -> str:
        """Let the process end, and return what else it printed (a traceback, if it failed)."""
        return self.process.communicate(timeout=60)[0]


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder that every user can enter; pytest's own is closed to the user who runs root's servers."""
    folder = Path(tempfile.mkdtemp(prefix="squidmesh-test-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def client() -> Iterator[type[Client]]:
    """Start clients; those that still run are ended afterwards."""
    started: list[Client] = []

    class Recorded(Client):
        def __init__(self, folder: Path, *options: str) -> None:
            super().__init__(folder, *options)
            started.append(self)

    yield Recorded
    for each in started:
        with contextlib.suppress(ValueError):  # finish() has closed the pipes already
            each.finish()
