"""A terminal of a given size, in which a command runs, is answered, and whose screen is read afterwards."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.acceptance.commands import commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a terminal got: ``raw`` with its codes, and the exit code."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        """The text without codes, as lines."""
        return _CODES.sub("", self.raw).replace("\r\n", "\n")


def run_in_terminal(
    arguments: tuple[str, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    answers: Mapping[str, str] | None = None,
    columns: int = 100,
) -> Shown:
    """Run ``python -m squidmesh`` in a terminal; when it shows a key of ``answers``, type its value."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    settled = {**environment, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    process = commands().start(arguments, folder=folder, environment=settled, files=[theirs] * 3, terminal=True)
    os.close(theirs)
    try:
        raw = _converse(ours, dict(answers or {}))
        return Shown(code=process.wait(_PATIENCE), raw=raw)
    finally:
        os.close(ours)
        process.kill()


def in_terminal(*arguments: str, folder: Path, environment: Mapping[str, str], columns: int = 100) -> tuple[int, str]:
    """Run a command that asks nothing in a terminal so wide; return its exit code and everything that it showed."""
    shown = run_in_terminal(arguments, folder=folder, environment=environment, columns=columns)
    return shown.code, shown.raw.replace("\r\n", "\n")


def _converse(terminal: int, answers: dict[str, str]) -> str:
    raw, limit = b"", time.monotonic() + _PATIENCE
    while time.monotonic() < limit:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the other end has closed
            return raw.decode()
        if not read:
            return raw.decode()
        raw += read
        for question in [question for question in answers if question in _CODES.sub("", raw.decode(errors="ignore"))]:
            os.write(terminal, answers.pop(question).encode() + b"\n")
    raise AssertionError(f"the command did not end: {raw.decode(errors='replace')}")
