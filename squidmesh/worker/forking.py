"""Forking a process that is held on a channel: it is told what to do, and notices when its parent is gone.

A forked process owns no connection, no thread and no channel of its parent, and never returns to the parent's code.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import warnings
import weakref
from contextlib import suppress
from enum import Enum, auto
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
Channel = Connection
_CRASHED = 1
_POLL = 0.05
# The parent's ends of all channels: one that a forked process kept open would hide the parent's death from another.
_parents_ends: weakref.WeakSet[Channel] = weakref.WeakSet()


class Word(Enum):
    """What is said on a channel, with its argument."""

    READY = auto()  # the forked process has begun its work
    FAILED = auto()  # it could not begin: the error
    DRAIN = auto()  # let running steps end: the grace in seconds, None for the default
    LEAVE = auto()  # wait for nothing
    ENDED = auto()  # what was to end has ended


class Forked:
    """A forked process, as its parent sees it; ``exit_code`` is that of ``subprocess``, None while it runs."""

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.channel = channel
        self.exit_code: int | None = None

    def ended(self) -> bool:
        """Say whether the process has ended, without waiting."""
        if self.exit_code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else in this process has asked for every child
                self.exit_code = 0
            else:
                self.exit_code = os.waitstatus_to_exitcode(status) if pid else None
        return self.exit_code is not None

    def join(self, timeout: float) -> bool:
        """Wait for the end of the process; False if ``timeout`` seconds pass before."""
        until = time.monotonic() + timeout
        while not self.ended():
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL)
        return True

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)

    def tell(self, word: Word, argument: Any = None) -> None:
        """Say something to the process; to one that has ended, nothing."""
        say(self.channel, word, argument)

    def heard(self) -> list[tuple[Word, Any]]:
        """Return what the process has said since."""
        words = []
        with suppress(OSError, EOFError):
            while not self.channel.closed and self.channel.poll():
                words.append(self.channel.recv())
        return words

    def wait_for_word(self) -> tuple[Word, Any] | None:
        """Wait for what the process says next; None if it ends without a word."""
        try:
            word, argument = self.channel.recv()
        except (OSError, EOFError):
            return None
        return word, argument

    def close(self) -> None:
        """Let go of the channel."""
        self.channel.close()


def fork(main: Callable[[Channel], int]) -> Forked:
    """Call ``main`` in a forked process, with its end of the channel; what it returns is the exit code."""
    parents_end, own_end = Pipe()
    _parents_ends.add(parents_end)
    _flush()  # or both processes write what is buffered
    with warnings.catch_warnings():  # Python 3.12 warns beside threads; what they hold is not used in the child
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _live(main, own_end)
    own_end.close()
    return Forked(pid, parents_end)


def say(channel: Channel, word: Word, argument: Any = None) -> None:
    """Say something on a channel; nothing if nobody is there to hear it."""
    with suppress(OSError):
        channel.send((word, argument))


def leave(code: int) -> NoReturn:
    """End this process without the parent's exit handlers, whatever its threads do, and lose no line of output."""
    logging.shutdown()
    _flush()
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _live(main: Callable[[Channel], int], channel: Channel) -> NoReturn:
    code = _CRASHED
    try:
        signal.set_wakeup_fd(-1)
        for end in list(_parents_ends):
            end.close()
        _parents_ends.clear()
        code = main(channel)
    except BaseException:
        log.exception("process %d ends by an error", os.getpid())
    finally:
        leave(code)
