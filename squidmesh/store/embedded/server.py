"""The private server of one folder, shared by the processes that name the folder.

Three locks tell all there is to know, and the kernel frees them when a process dies, however it dies:
``start.lock`` is held alone while somebody starts or stops the server, ``use.lock`` is shared by every
process that uses it (who finds nobody else there stops it), and ``server.lock`` is inherited by the
server itself. A child forked by a user inherits the use.
"""

from __future__ import annotations

import atexit
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from squidmesh.errors import ConfigurationError, DatabaseUnavailable, SquidMeshError
from squidmesh.store.embedded.home import Home, find_home, make_home
from squidmesh.store.embedded.launch import PATIENCE_SECONDS, SUPERUSER, ensure_running, stop_unused
from squidmesh.store.embedded.lock import exclusive, share
from squidmesh.store.embedded.postmaster import is_alive, read_postmaster
from squidmesh.store.embedded.programs import NEWEST, installed_programs, major_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_logger = logging.getLogger(__name__)
_NOTHING_THERE = (
    "there is no embedded database in {folder}: correct the path, or make one there with 'squidmesh db upgrade'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an embedded server; None: not made yet, or not running.

    ``home`` holds data and log, ``user`` runs the server, ``major`` is PostgreSQL's version.
    """

    folder: Path
    home: Path | None = None
    log: Path | None = None
    user: str | None = None
    major: int | None = None
    pid: int | None = None
    url: str | None = None


class EmbeddedServer:
    """A private PostgreSQL with its data below ``folder``; constructing it starts nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._home: Home | None = None
        self._use: int | None = None
        self._sockets: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, make: bool = True) -> str:
        """Return the server's URL, making its data and starting it as needed; this process uses it from now on.

        Raises ``ConfigurationError`` when it cannot work here, or has no data and is not to ``make`` any,
        ``DatabaseUnavailable`` when it does not start.
        """
        try:
            if find_home(self.folder) is None:
                if not make:
                    raise ConfigurationError([_NOTHING_THERE.format(folder=self.folder)])
                installed_programs(NEWEST)  # before anything is made, so that a missing wheel leaves no trace
            home = make_home(self.folder)
            with exclusive(home.start_lock, patience=PATIENCE_SECONDS):
                if self._use is None:
                    self._begin(home)
        except OSError as error:
            raise DatabaseUnavailable(f"no PostgreSQL can be started in {self.folder}: {error}") from error
        return self.url

    def stop(self) -> None:
        """End this process's use of the server, and stop it if nobody else uses it; harmless when not started."""
        atexit.unregister(self.stop)
        home, use = self._home, self._use
        self._home = self._use = self._sockets = None
        if home is None or use is None:
            return
        os.close(use)
        try:
            with exclusive(home.start_lock, patience=PATIENCE_SECONDS):
                stop_unused(home)
        except (OSError, SquidMeshError) as error:
            _logger.warning("the embedded PostgreSQL in %s is left as it is: %s", home.path, error)

    @property
    def url(self) -> str:
        """The address for SQLAlchemy; ``DatabaseUnavailable`` unless started."""
        if self._sockets is None:
            raise DatabaseUnavailable(f"the embedded PostgreSQL in {self.folder} is not started")
        return _url(self._sockets)

    def describe(self) -> Facts:
        """Return what is known of the folder and its server, changing nothing."""
        home = find_home(self.folder)
        if home is None:
            return Facts(folder=self.folder)
        postmaster = read_postmaster(home) if is_alive(home) else None
        return Facts(
            folder=self.folder,
            home=home.path,
            log=home.log,
            user=home.account.name,
            major=major_of(home),
            pid=postmaster.pid if postmaster else None,
            url=_url(postmaster.sockets) if postmaster else None,
        )

    def _begin(self, home: Home) -> None:
        use = share(home.use_lock)
        try:
            self._sockets = ensure_running(home)
        except BaseException:
            os.close(use)
            stop_unused(home)
            raise
        self._home, self._use = home, use
        atexit.register(self.stop)


def _url(sockets: Path) -> str:
    # Everything is named, so that PGHOST, PGPORT, PGUSER and PGDATABASE of the caller change nothing.
    return f"postgresql+psycopg://{SUPERUSER}@/postgres?host={sockets}&port=5432"
