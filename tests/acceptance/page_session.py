"""A page read by a reader who does what it says: files, commands and code, in their order, in one folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.pages import Block

_DEADLINE = 180.0
_DONE = "--done-with-it--"
_EXIT = re.compile(r"  # exits (\d+)$")
_PYTHON = """
import json, sys, traceback
names = {"__name__": "page"}
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "page", "exec"), names)
        print("--done-with-it-- 0", flush=True)
    except BaseException:
        print(traceback.format_exc(chain=False))
        print("--done-with-it-- 1", flush=True)
"""


class PageError(AssertionError):
    """The page says something that is not so."""


class Interpreter:
    """A shell, or Python, that is told one thing after another and remembers."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip())
        self._lines.put(f"{_DONE} 99")

    def tell(self, words: str) -> tuple[int, list[str]]:
        """Send something to do; return its exit code and the lines that it printed."""
        assert self._process.stdin is not None
        self._process.stdin.write(words)
        self._process.stdin.flush()
        until, lines = time.monotonic() + _DEADLINE, []
        while True:
            try:
                line = self._lines.get(timeout=max(until - time.monotonic(), 0.1))
            except Empty:
                raise PageError(f"no end of {words!r} after {_DEADLINE} s; so far: {lines}") from None
            if line.startswith(_DONE):
                return int(line.split()[1]), lines
            lines.append(line)

    def close(self) -> None:
        """End the process and all that it started."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()


class Session:
    """One reading of a page."""

    def __init__(self, folder: Path, environment: Mapping[str, str], database: str) -> None:
        self._folder = folder
        self._environment = environment
        self._database = database
        self._shell = Interpreter(["bash", "--norc"], folder, environment)
        self._python: Interpreter | None = None
        self._background: list[subprocess.Popen[bytes]] = []

    def perform(self, block: Block) -> str | None:
        """Do what a block says; return what is wrong if it cannot be done or shows something else."""
        try:
            self._perform(block)
        except PageError as problem:
            return str(problem)
        return None

    def _perform(self, block: Block) -> None:
        # The database that pages speak of is the test's own; PGHOST and the like say where.
        text = re.sub(r"(postgresql(?:\+\w+)?)://localhost/shop\b", rf"\1:///{self._database}", block.text)
        if block.file:
            place = self._folder_of_the_shell() / block.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        elif block.mark == "background":
            command = text.removeprefix("$ ").strip()
            self._background.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {command}"],
                    cwd=self._folder_of_the_shell(),
                    env=dict(self._environment),
                    start_new_session=True,
                )
            )
        elif block.language == "console":
            for command, shown in commands(text):
                _repeated(lambda: self._command(command, shown), block.mark == "eventually")  # noqa: B023 - called at once
        elif block.language == "sh":
            self._command(text.strip(), None)
        elif block.language == "python":
            self._run_python(text)

    def _folder_of_the_shell(self) -> Path:
        return Path(self._shell.tell(f"pwd; echo {_DONE} 0\n")[1][-1])

    def _command(self, command: str, shown: list[str] | None) -> None:
        expected = _EXIT.search(command)
        code, lines = self._shell.tell(f"{{ {command}\n}} </dev/null 2>&1; printf '\\n{_DONE} %s\\n' $?\n")
        printed = lines[:-1] if lines and not lines[-1] else lines
        if code != (int(expected[1]) if expected else 0):
            raise PageError(f"$ {command}\nexited with {code} and printed:\n" + "\n".join(printed))
        if shown is not None and not re.fullmatch(pattern(shown), "\n".join(printed).strip("\n")):
            raise PageError(f"$ {command}\nprinted:\n" + "\n".join(printed) + "\nthe page shows:\n" + "\n".join(shown))

    def _run_python(self, text: str) -> None:
        if self._python is None:
            self._python = Interpreter([sys.executable, "-c", _PYTHON], self._folder_of_the_shell(), self._environment)
        code, lines = self._python.tell(json.dumps(text) + "\n")
        if code:
            raise PageError(f"the code\n{text}\nfailed:\n" + "\n".join(lines))

    def close(self) -> None:
        """End what still runs; a command in the background must end well when it is asked to."""
        if self._python:
            self._python.close()
        self._shell.close()
        for process in self._background:
            process.terminate()
        codes = [process.wait(30) for process in self._background]
        if any(codes):
            raise PageError(f"a command in the background ended with {codes}")


def _repeated(attempt: Callable[[], None], patient: bool) -> None:
    until = time.monotonic() + _DEADLINE / 2
    while True:
        try:
            return attempt()
        except PageError:
            if not patient or time.monotonic() > until:
                raise
            time.sleep(0.2)


def commands(text: str) -> Iterator[tuple[str, list[str] | None]]:
    """Yield each command after a ``$`` with the lines that it is shown to print (None: the page shows none)."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.rstrip("\n").split("\n")
        length = next(index for index, line in enumerate(lines) if not line.endswith("\\")) + 1
        yield "\n".join(lines[:length]), lines[length:] or None


def pattern(shown: list[str]) -> str:
    """Return the expression for what is shown.

    An ellipsis stands for anything, on a line of its own for any lines; any number of blanks for any other.
    """
    parts = [r"(?:.*\n)*?" if line.strip() == "…" else f"{_line(line)}\n" for line in shown]
    if shown[-1].strip() == "…":
        return "".join(parts[:-1]) + r"(?:.*\n?)*"
    return "".join(parts).removesuffix("\n")


def _line(shown: str) -> str:
    return ".*?".join(re.sub(r"(?:\\ )+", " +", re.escape(part)) for part in shown.rstrip().split("…"))
