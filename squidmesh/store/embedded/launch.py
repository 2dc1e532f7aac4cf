"""Make the data directory, start the server, stop it: what is done while ``start.lock`` is held."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import time
from typing import TYPE_CHECKING

from squidmesh.errors import DatabaseUnavailable
from squidmesh.store.embedded.lock import inheritable, open_lock, take_alone
from squidmesh.store.embedded.postmaster import (
    clear_remains,
    is_alive,
    make_sockets,
    read_postmaster,
    remove_sockets,
)
from squidmesh.store.embedded.programs import Programs, programs_for

if TYPE_CHECKING:
    from pathlib import Path

    from squidmesh.store.embedded.home import Home

_logger = logging.getLogger(__name__)

SUPERUSER = "postgres"
PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.01
_LOG_BYTES = 1024 * 1024
_LOG_TAIL_LINES = 20
# Durability is PostgreSQL's default and stays so. The rest keeps a private server small and its log short.
_OPTIONS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "squidmesh",
}
_OPTIONS_OF_MAJOR = {18: {"io_method": "sync"}}
# Text sorts by code point everywhere; case is Unicode's where PostgreSQL brings it along itself.
_LOCALE = ["--encoding=UTF8", "--locale=C"]
_LOCALE_OF_MAJOR = {18: ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]}


def ensure_running(home: Home) -> Path:
    """Return the folder of the server's socket, with a server that accepts connections there."""
    if is_alive(home) and (sockets := _await(home)):
        return sockets
    clear_remains(home)
    programs = programs_for(home)
    if not home.data.is_dir():
        _initialise(home, programs)
    return _launch(home, programs)


def stop_unused(home: Home) -> None:
    """Stop the server if no process uses it."""
    use = open_lock(home.use_lock)
    try:
        if take_alone(use) and is_alive(home):
            _stop(home)
    finally:
        os.close(use)


def _initialise(home: Home, programs: Programs) -> None:
    """Make the data beside their place and move them there whole, so that a crash leaves nothing half made."""
    unfinished = home.path / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [programs.path("initdb"), "-D", unfinished.name, "-U", SUPERUSER, "--auth=trust", "--no-instructions"]
    result = home.account.run([*command, *_LOCALE, *_LOCALE_OF_MAJOR.get(programs.major, [])], folder=home.path)
    if result.returncode:
        raise DatabaseUnavailable(f"initdb failed in {home.path}:\n{result.stdout.rstrip()}")
    unfinished.rename(home.data)


def _launch(home: Home, programs: Programs) -> Path:
    if home.log.exists() and home.log.stat().st_size > _LOG_BYTES:
        home.log.replace(home.log.with_suffix(".log.1"))
    seen = home.log.stat().st_size if home.log.exists() else 0
    sockets = make_sockets(home)
    try:
        output = _spawn(home, programs, sockets)
        ready = _await(home)
    finally:
        if not is_alive(home):
            remove_sockets(home, sockets)
    if ready is None:
        reason = _tail(home.log, seen) or output
        raise DatabaseUnavailable(f"the embedded PostgreSQL in {home.path} did not start:\n{reason}")
    return ready


def _spawn(home: Home, programs: Programs, sockets: Path) -> str:
    """Start the server, which inherits the held ``server.lock``; return what pg_ctl has to say."""
    options = {**_OPTIONS, **_OPTIONS_OF_MAJOR.get(programs.major, {}), "unix_socket_directories": str(sockets)}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    # Relative names, because pg_ctl puts them between double quotes in a shell command.
    places = ["-D", home.data.name, "-l", home.log.name]
    with inheritable(home.server_lock, patience=PATIENCE_SECONDS) as lock:
        result = home.account.run(
            [programs.path("pg_ctl"), "start", "--no-wait", *places, "-o", shlex.join(words)],
            folder=home.path,
            inherit=[lock],
        )
    return result.stdout.strip()


def _await(home: Home) -> Path | None:
    """Wait until the server accepts connections and return its socket's folder; None: it died meanwhile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_alive(home):
        postmaster = read_postmaster(home)
        if postmaster and postmaster.answers():
            return postmaster.sockets
        if time.monotonic() > deadline:
            where = f" (process {postmaster.pid}, socket in {postmaster.sockets})" if postmaster else ""
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL in {home.path}{where} runs but has not accepted connections "
                f"for {PATIENCE_SECONDS} seconds; its log: {home.log}"
            )
        time.sleep(_POLL_SECONDS)
    return None


def _stop(home: Home) -> None:
    postmaster = read_postmaster(home)
    command = [
        programs_for(home).path("pg_ctl"),
        "stop",
        "-D",
        home.data.name,
        "-m",
        "fast",
        "-t",
        str(PATIENCE_SECONDS),
    ]
    result = home.account.run(command, folder=home.path)
    if result.returncode:
        _logger.warning("the embedded PostgreSQL in %s was not stopped: %s", home.path, result.stdout.strip())
    elif postmaster:
        remove_sockets(home, postmaster.sockets)


def _tail(log: Path, seen: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(seen)
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-_LOG_TAIL_LINES:])
