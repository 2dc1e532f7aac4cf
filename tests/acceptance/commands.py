"""Commands of the program without the price of starting an interpreter for each: see ``command_server``."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SERVER = Path(__file__).with_name("command_server.py")


class Running:
    """A command that runs."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self.pid = int(status.recv(64))
        self.code: int | None = None

    def wait(self, timeout: float | None) -> int:
        """Wait for the end, and return the exit code; ``TimeoutError`` after as many seconds."""
        if self.code is None:
            self._status.settimeout(timeout)
            self.code = int(self._status.recv(64))
            self._status.close()
        return self.code

    def kill(self) -> None:
        """End the command at once, if it runs."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait(10)


class Commands:
    """Runs commands as ``python -m squidmesh`` does, side by side if need be."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            arguments = [sys.executable, "-P", str(_SERVER), str(theirs.fileno())]
            self._server = subprocess.Popen(arguments, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        atexit.register(self._close)

    def start(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        files: Sequence[int],
        terminal: bool = False,
    ) -> Running:
        """Start a command; ``files`` are its standard input, output and error, maybe all the ``terminal`` it is in."""
        request = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
            "terminal": terminal,
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._control, [json.dumps(request).encode()], [*files, theirs.fileno()])
        return Running(ours)

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdin: str = "",
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with ExitStack() as stack:
            given, out, error = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(3))
            given.write(stdin)
            given.seek(0)
            files = [file.fileno() for file in (given, out, error)]
            running = self.start(arguments, folder=folder, environment=environment, files=files)
            try:
                code = running.wait(timeout)
            finally:
                running.kill()
            out.seek(0)
            error.seek(0)
            return subprocess.CompletedProcess(list(arguments), code, out.read(), error.read())

    def _close(self) -> None:
        self._control.close()
        self._server.wait(10)


@cache
def commands() -> Commands:
    """Return what runs the commands of this process's tests; its server ends with the process."""
    return Commands()
