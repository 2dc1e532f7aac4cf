"""Where an embedded server keeps its data, and the files in there.

::

    FOLDER/.gitignore      "*", when we made the folder
    FOLDER/postgres/       the home: 0700, of the user that runs the server
        data/              what initdb made
        server.log
        *.lock             see ``server``

Started by root in a folder that the server's user cannot reach (a project below /root), the home lies
in /var/lib/squidmesh and ``FOLDER/postgres`` is a link to it: no permission of a folder that is not
ours is ever changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squidmesh.errors import ConfigurationError
from squidmesh.store.embedded.account import Account, account_of, choose_account
from squidmesh.store.embedded.elsewhere import ELSEWHERE, link_elsewhere

if TYPE_CHECKING:
    from pathlib import Path

_HOME = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder of one embedded server, and the user that runs it."""

    path: Path
    account: Account

    @property
    def data(self) -> Path:
        """The data directory of PostgreSQL."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.path / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held alone by the process that starts or stops the server, for as long as that takes."""
        return self.path / "start.lock"

    @property
    def use_lock(self) -> Path:
        """Shared by the processes that use the server."""
        return self.path / "use.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server and its children as long as one of them lives."""
        return self.path / "server.lock"


def find_home(folder: Path) -> Home | None:
    """Return the home of ``folder``, None when it has none yet."""
    link = folder / _HOME
    if link.is_symlink() and not link.exists():
        raise ConfigurationError(
            [f"{link} leads to {link.readlink()}, which is gone: remove {link} to begin with an empty database"]
        )
    if not link.is_dir():
        return None
    path = link.resolve()
    if path.stat().st_uid != 0:
        return Home(path=path, account=account_of(path))
    # Root's own: made a moment ago and not handed over yet. What holds anything else is not ours to give away.
    if path.parent != ELSEWHERE and any(path.iterdir()):
        raise ConfigurationError(
            [f"{link} belongs to root, who cannot run PostgreSQL: remove it, or give it to a user"]
        )
    return Home(path=path, account=choose_account(folder))


def make_home(folder: Path) -> Home:
    """Return the home of ``folder``, making both as needed."""
    try:
        _make_folder(folder)
        home = find_home(folder) or _make(folder)
        home.account.take(home.path)
    except OSError as error:
        raise ConfigurationError([f"the embedded database cannot be made in {folder}: {error}"]) from error
    if not home.account.reaches(home.path):
        raise ConfigurationError(
            [f"user {home.account.name}, who runs the embedded server, cannot enter {home.path} (any more): move it"]
        )
    return home


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    account = choose_account(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise ConfigurationError([f"the embedded database needs a folder, and {folder} is none: move it"]) from None
        return
    ignore = folder / ".gitignore"
    ignore.write_text("*\n", encoding="utf-8")
    if folder.parent.stat().st_uid == account.uid:
        account.take(ignore)
        account.take(folder)


def _make(folder: Path) -> Home:
    if choose_account(folder).reaches(folder):
        (folder / _HOME).mkdir(mode=0o700, exist_ok=True)
    else:
        link_elsewhere(folder / _HOME)
    home = find_home(folder)
    if home is None:
        raise ConfigurationError([f"{folder / _HOME} disappeared while it was made"])
    return home
