"""Ending a process whose one step has passed its timeout: nothing else stops a callable for certain.

First the timeout is recorded, with a retry that waits for the old lease like any other, then the process ends. Thus
the attempt is never mistaken for a loss, and should the process be frozen in between, no retry overlaps it before
that lease has passed.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from squidmesh.worker.forking import leave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)
# What a process ends with that did so to interrupt its step; no other end of ours has it.
INTERRUPTED = 75
_LAST_WORDS = 1.0  # seconds


class Interruption:
    """Ends this process; ``last_words`` are what it does before, for a second at most."""

    def __init__(self, *, patience: float, last_words: Callable[[], None]) -> None:
        self._patience = patience
        self._last_words = last_words

    def begin(self) -> None:
        """Give the record of the timeout ``patience`` seconds: where the database is away, the lease passes."""
        _leave_in(self._patience)

    def complete(self, reports: Iterable[threading.Thread]) -> None:
        """End the process, now that the timeout is recorded; ``reports`` tell of it."""
        log.warning("the process ends, to interrupt a step that is past its timeout")
        _leave_in(_LAST_WORDS)
        for report in reports:
            report.join()
        self._last_words()
        leave(INTERRUPTED)


def _leave_in(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, [INTERRUPTED])
    timer.daemon = True
    timer.start()
