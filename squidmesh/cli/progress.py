"""What a command shows while it works for long: on a terminal only, and only after two seconds."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from squidmesh.cli.console import make_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 2.0


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the count so far, which is shown on standard error once it takes long."""
    console = make_console(stderr=True)
    began = time.monotonic()
    with console.status("") as spinner:
        spinner.stop()

        def advance(count: int) -> None:
            spinner.update(f"{count} {what}")
            if console.is_terminal and time.monotonic() - began > PATIENCE:
                spinner.start()

        yield advance
