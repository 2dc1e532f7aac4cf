"""What a command shows while it works for long: on a terminal only, and only after two seconds."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
PATIENCE = 2.0


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the count so far, which is shown on standard error once it takes long."""
    from squidmesh.cli.console import make_console  # noqa: PLC0415 - rich loads only for what may last

    console = make_console(stderr=True)
    began = time.monotonic()
    with console.status("") as spinner:
        spinner.stop()

        def advance(count: int) -> None:
            spinner.update(f"{count} {what}")
            if console.is_terminal and time.monotonic() - began > PATIENCE:
                spinner.start()

        yield advance


def tracked(items: Sequence[T], what: str) -> Iterator[T]:
    """Yield the items; on a terminal, once two seconds have passed, with a bar on standard error."""
    began = time.monotonic()
    done = 0
    for item in items:
        if time.monotonic() - began >= PATIENCE and sys.stderr.isatty():
            break
        yield item
        done += 1
    if done < len(items):
        yield from _with_bar(items, done, what)


def _with_bar(items: Sequence[T], done: int, what: str) -> Iterator[T]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - loaded only where it lasts

    from squidmesh.cli.console import make_console  # noqa: PLC0415 - likewise

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # What is printed meanwhile goes above the bar, but never from a pipe's output to the terminal.
    console, above = make_console(stderr=True), sys.stdout.isatty()
    with Progress(*columns, console=console, transient=True, redirect_stdout=above) as progress:
        task = progress.add_task(what, total=len(items), completed=done)
        for item in items[done:]:
            yield item
            progress.advance(task)
