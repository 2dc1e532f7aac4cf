"""File locks between processes (``flock``).

The kernel ties such a lock to the open file, not to the process: a child that inherits the file shares
the lock, and the lock ends when the last of them closes it. Nobody has to clean up after a process
that was killed.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_SECONDS = 0.02


@contextmanager
def exclusive(path: Path, *, patience: float) -> Iterator[None]:
    """Hold the lock alone; raise ``DatabaseUnavailable`` when others hold it for ``patience`` seconds."""
    with inheritable(path, patience=patience) as descriptor:
        try:
            yield
        finally:
            # Closing alone would leave the lock with a child forked meanwhile.
            fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def inheritable(path: Path, *, patience: float) -> Iterator[int]:
    """Take the lock alone and give the open file: a process that inherits it holds the lock on."""
    descriptor = open_lock(path)
    try:
        deadline = time.monotonic() + patience
        while not take_alone(descriptor):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"another process has held {path} for {patience:g} seconds")
            time.sleep(_POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


def open_lock(path: Path) -> int:
    """Open the lock file, creating it for the owner of its folder."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def share(path: Path) -> int:
    """Return an open file that holds the lock together with others; closing it gives the lock up."""
    descriptor = open_lock(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def take_alone(descriptor: int) -> bool:
    """Take the lock alone, without waiting; False: somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Tell whether any process holds the lock, alone or with others."""
    return _refuses(path, fcntl.LOCK_EX)


def is_held_alone(path: Path) -> bool:
    """Tell whether a process holds the lock alone; any number of processes may ask at the same time."""
    return _refuses(path, fcntl.LOCK_SH)


def _refuses(path: Path, mode: int) -> bool:
    if not path.exists():
        return False
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
