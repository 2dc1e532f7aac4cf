"""A place for one process of a process worker, filled again when the process has ended."""

from __future__ import annotations

import logging
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from squidmesh.worker.child import work
from squidmesh.worker.forking import Word, fork
from squidmesh.worker.interruption import INTERRUPTED
from squidmesh.worker.vitals import Vitals

if TYPE_CHECKING:
    from squidmesh.errors import SquidMeshError
    from squidmesh.worker.child import Trade
    from squidmesh.worker.forking import Forked

log = logging.getLogger(__name__)
_SHORT_LIFE = 10.0
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 30.0
_DEATH = 5.0


class Slot:
    """Times are of ``time.monotonic``; ``error`` is why the last process could not begin."""

    def __init__(self, trade: Trade, lease: float) -> None:
        self._trade = trade
        self._lease = lease
        self._vitals = Vitals()
        self._failures = 0
        self._filled_at = 0.0
        self.fill_at = 0.0
        self.process: Forked | None = None
        self.ready = False
        self.error: SquidMeshError | None = None

    def fill(self) -> None:
        """Fork a process; should that fail, later."""
        self._filled_at = time.monotonic()
        self._vitals.beat()
        self.ready, self.error = False, None
        try:
            self.process = fork(partial(work, self._trade, self._vitals, self._lease))
        except OSError as error:
            self._back_off()
            log.warning("no process could be forked, trying again in %.1f s: %s", self._wait(), error)

    def hear(self) -> None:
        """Take what the process says."""
        for word, argument in self.process.heard() if self.process is not None else ():
            match word:
                case Word.READY:
                    self.ready = True
                case Word.FAILED:
                    self.error = argument
                case _:
                    pass

    def tell(self, word: Word, argument: float) -> None:
        """Say something to the process."""
        if self.process is not None:
            self.process.tell(word, argument)

    def vacate(self) -> tuple[int, int | None]:
        """Let go of a process that has ended; return its id and its exit code, None as long as it runs."""
        process = self.process
        if process is None:
            return 0, None
        if process.ended():
            self.hear()
            process.close()
            self.process = None
        return process.pid, process.exit_code

    def replace(self, pid: int, code: int) -> None:
        """Say when to fill the place again, and why the process before has ended."""
        if code in (0, INTERRUPTED):
            self._failures, self.fill_at = 0, time.monotonic()
            log.info("process %d has ended, another takes its place", pid)
            return
        self._back_off()
        why = f"could not begin: {self.error}" if self.error is not None else f"ended by {_name(code)}"
        log.warning("process %d %s; another takes its place in %.1f s", pid, why, self._wait())

    def kill_if_silent(self, since: float) -> None:
        """End a process whose threads have not run for a lease: its claims may be another's by now."""
        if time.monotonic() - max(self._vitals.seen_at, since) > self._lease:
            self.kill("has given no sign of life for a whole lease")

    def kill(self, why: str) -> None:
        """End the process at once, if there is one."""
        if self.process is not None:
            log.error("process %d %s and is killed", self.process.pid, why)
            self.process.kill()
            self.process.join(_DEATH)

    def _back_off(self) -> None:
        """Wait longer each time that a process lived shortly; not at all after a long life."""
        lived_long = time.monotonic() - self._filled_at >= _SHORT_LIFE
        self._failures = 0 if lived_long else self._failures + 1
        backoff = _FIRST_BACKOFF * 2 ** min(self._failures - 1, 10) if self._failures else 0.0
        self.fill_at = time.monotonic() + min(backoff, _LONGEST_BACKOFF)

    def _wait(self) -> float:
        return max(self.fill_at - time.monotonic(), 0.0)


def _name(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
