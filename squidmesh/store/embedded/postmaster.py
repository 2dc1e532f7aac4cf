"""What can be known of a running server: its ``postmaster.pid``, its socket, whether it lives."""

from __future__ import annotations

import logging
import re
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from squidmesh.errors import ConfigurationError, DatabaseUnavailable
from squidmesh.store.embedded.lock import is_held_alone

if TYPE_CHECKING:
    from squidmesh.store.embedded.home import Home

_logger = logging.getLogger(__name__)

_PREFIX = "squidmesh-"
_SOCKET = ".s.PGSQL.5432"
_READY = "ready"
_LINES = 8
# A socket's whole path must fit in 103 bytes (macOS), and PostgreSQL reads commas and quotes as its own.
_SHORT_AND_PLAIN = re.compile(r"[A-Za-z0-9/._+-]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """The lines of ``postmaster.pid`` that matter; ``sockets`` is the folder of its socket."""

    pid: int
    data: Path
    sockets: Path
    status: str

    def answers(self) -> bool:
        """Tell whether the server accepts connections."""
        if self.status != _READY:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(str(self.sockets / _SOCKET))
            except OSError:
                return False
        return True


def read_postmaster(home: Home) -> Postmaster | None:
    """Read ``postmaster.pid``; None when there is none, or a starting server has not finished writing it."""
    try:
        lines = (home.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < _LINES or not lines[0].isdecimal():
        return None
    return Postmaster(pid=int(lines[0]), data=Path(lines[1]), sockets=Path(lines[4]), status=lines[7].strip())


def is_alive(home: Home) -> bool:
    """Tell whether a server lives: it inherited an open lock file, which no reused process id can imitate."""
    return is_held_alone(home.server_lock)


def clear_remains(home: Home) -> None:
    """Remove what a server that died left behind; raise ``DatabaseUnavailable`` if somebody else's server runs."""
    postmaster = read_postmaster(home)
    # A copied folder holds the file of the server that runs on the original.
    if postmaster and postmaster.data == home.data:
        if postmaster.answers():
            raise DatabaseUnavailable(
                f"process {postmaster.pid} serves {home.data} and was not started by us: stop it first"
            )
        remove_sockets(home, postmaster.sockets)
    (home.data / "postmaster.pid").unlink(missing_ok=True)


def make_sockets(home: Home) -> Path:
    """Make a short folder for the server's socket that only its user can enter."""
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp makes a private folder there
        if _SHORT_AND_PLAIN.fullmatch(base) and home.account.reaches(Path(base)):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
            home.account.take(folder)
            return folder
    raise ConfigurationError(["no temporary folder has a path short and plain enough for a socket: set TMPDIR"])


def remove_sockets(home: Home, folder: Path) -> None:
    """Remove a socket's folder, and never anything else: the path may come from a file that others can write."""
    try:
        if folder.name.startswith(_PREFIX) and folder.lstat().st_uid == home.account.uid:
            for name in (_SOCKET, f"{_SOCKET}.lock"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
    except FileNotFoundError:
        return  # a clean-up of the temporary folder was faster
    except OSError as error:
        _logger.warning("%s, the folder of a socket, cannot be removed: %s", folder, error)
