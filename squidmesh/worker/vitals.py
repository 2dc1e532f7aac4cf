"""A sign of life that a process gives without a word, and without waiting for anything."""

from __future__ import annotations

import mmap
import struct
import threading
import time

_SIZE = struct.calcsize("d")


class Vitals:
    """One number in memory that a process shares with those it forks: when it last gave a sign, of ``time.monotonic``.

    Where the interpreter's lock is never let go, or the process is frozen, none comes.
    """

    def __init__(self) -> None:
        self._shared = memoryview(mmap.mmap(-1, _SIZE)).cast("d")
        self.beat()

    @property
    def seen_at(self) -> float:
        """When the process last gave a sign."""
        return self._shared[0]

    def beat(self) -> None:
        """Give a sign."""
        self._shared[0] = time.monotonic()

    def keep_beating(self, interval: float) -> None:
        """Give a sign every ``interval`` seconds, from a thread that does nothing else."""

        def beat() -> None:
            while True:
                self.beat()
                time.sleep(interval)

        threading.Thread(target=beat, name="squidmesh-vitals", daemon=True).start()
