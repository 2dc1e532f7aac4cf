"""The user of the operating system that runs the server: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from squidmesh.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNPRIVILEGED = "nobody"
# Nothing of the caller's environment reaches the server: PGPORT, PGOPTIONS or a locale would change it.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user; ``switch`` says that this process is root and has to become that user."""

    name: str
    uid: int
    gid: int
    switch: bool

    def run(
        self, command: Sequence[str], *, folder: Path, inherit: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in ``folder`` as this user, its output and errors captured together."""
        return subprocess.run(  # noqa: S603 - a list of arguments, no shell, programs of our own choice
            command,
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            pass_fds=inherit,
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
        )

    def reaches(self, folder: Path) -> bool:
        """Tell whether this user can enter the folder; the kernel answers, so that ACLs count too."""
        if not self.switch:
            return os.access(folder, os.X_OK)
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], folder=Path("/")).returncode == 0

    def take(self, path: Path) -> None:
        """Make this user the owner of a file or folder of ours."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(folder: Path) -> Account:
    """Return the user for new data below ``folder``: this process's own; for root the folder's owner, or nobody.

    The owner of a project can then go on with the same data without root.
    """
    if os.geteuid() != 0:
        return _myself()
    owner = folder.stat().st_uid
    try:
        entry = pwd.getpwuid(owner) if owner else _nobody()
    except KeyError:
        entry = _nobody()
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switch=True)


def account_of(home: Path) -> Account:
    """Return the user that existing data belong to; raise ``ConfigurationError`` if this process cannot be it."""
    owner = home.stat()
    if os.geteuid() == 0:
        return Account(name=_name(owner.st_uid), uid=owner.st_uid, gid=owner.st_gid, switch=True)
    if owner.st_uid != os.geteuid():
        problem = (
            f"the embedded database in {home} belongs to user {_name(owner.st_uid)} and this process runs as "
            f"{_name(os.geteuid())}: use a folder of your own (database_url = 'embedded:FOLDER')"
        )
        raise ConfigurationError([problem])
    return _myself()


def _myself() -> Account:
    uid = os.geteuid()
    return Account(name=_name(uid), uid=uid, gid=os.getegid(), switch=False)


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        problem = (
            f"PostgreSQL does not run as root and this system has no user {_UNPRIVILEGED!r} to run it: "
            "add that user, or start as an ordinary user"
        )
        raise ConfigurationError([problem]) from None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
