"""PgBouncer in transaction mode, before a cluster of the suite."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import make_url

from tests.chaos.cluster import PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = "pgbouncer"
SESSIONS = 6
_SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
server_reset_query =
"""


def program() -> str | None:
    """Return the path of the program, None where it is not installed."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin:/usr/local/sbin")


@contextmanager
def bouncer(url: str, folder: Path) -> Iterator[str]:
    """Give the URL of a pooler before the server of ``url``: few sessions, which change hands at each transaction."""
    found = program()
    assert found is not None, f"{PROGRAM} is not installed (Debian: apt-get install {PROGRAM})"
    target, own = make_url(url), free_port()
    settings = folder / "pgbouncer.ini"
    folder.chmod(0o755)
    settings.write_text(
        _SETTINGS.format(host=target.host, port=target.port, user=target.username, own=own, sessions=SESSIONS)
    )
    # It refuses to run as root.
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    process = subprocess.Popen([found, "-q", str(settings)], user=user, stderr=subprocess.DEVNULL)
    pooled = target.set(port=own).render_as_string(hide_password=False)
    try:
        _await(process, pooled)
        yield pooled
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            assert process.poll() is None, "pgbouncer did not start"
            assert time.monotonic() < until, "pgbouncer does not answer"
            time.sleep(0.05)
        else:
            return
