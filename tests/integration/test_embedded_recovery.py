"""The private PostgreSQL of a folder, after something went wrong."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from squidmesh.errors import DatabaseUnavailable
from squidmesh.store.embedded import EmbeddedServer

if TYPE_CHECKING:
    from tests.integration.conftest import Client


def keep(url: str, answer: int) -> None:
    """Commit something to find again."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("create table kept (answer int)")
        connection.execute("insert into kept values (%s)", [answer])


def kept(url: str) -> list[int]:
    """Return what was committed."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return [row[0] for row in connection.execute("select answer from kept")]


def sockets_of(url: str) -> Path:
    """Return the folder of the socket that a URL names."""
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def pid_file(folder: Path) -> Path:
    """Return the file that PostgreSQL keeps while it runs."""
    return folder / "postgres" / "data" / "postmaster.pid"


def kill_server(server: EmbeddedServer) -> None:
    """Kill the postmaster as a power cut would, and wait until its children have noticed."""
    pid = server.describe().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while server.describe().pid is not None:
        pass


def delete_in_use(folder: Path) -> None:
    """Delete a folder whose server deletes files of its own meanwhile."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def test_a_server_left_over_by_killed_users_is_reused(place: Path, client: type[Client]) -> None:
    """A kill -9 of every user leaves the server running; the next user takes it over and stops it."""
    user = client(place)
    url = user.url()
    keep(url, 1)
    left = EmbeddedServer(place).describe().pid
    user.process.kill()
    user.process.wait()
    with EmbeddedServer(place) as server:
        assert (server.url, server.describe().pid) == (url, left)
        assert kept(server.url) == [1]
    assert server.describe().pid is None


def test_a_killed_server_is_started_again(place: Path) -> None:
    """A crash of the server loses nothing that was committed; its remains are swept away."""
    server = EmbeddedServer(place)
    first = sockets_of(server.start())
    keep(server.url, 1)
    kill_server(server)
    assert pid_file(place).exists()
    with EmbeddedServer(place) as again:
        assert kept(again.url) == [1]
        assert not first.exists()
    server.stop()


def test_a_reused_process_id_does_not_pass_for_the_server(place: Path) -> None:
    """After a reboot the stale pid file may name a living process that has nothing to do with it."""
    server = EmbeddedServer(place)
    server.start()
    keep(server.url, 1)
    kill_server(server)
    server.stop()
    lines = pid_file(place).read_text().splitlines()
    pid_file(place).write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    with server:
        assert kept(server.url) == [1]


def test_a_torn_pid_file_is_no_obstacle(place: Path) -> None:
    """A machine that stopped while the pid file was written starts again."""
    server = EmbeddedServer(place)
    with server:
        keep(server.url, 1)
    pid_file(place).write_text("12")
    with server:
        assert kept(server.url) == [1]


def test_a_copied_folder_gets_a_server_of_its_own(place: Path) -> None:
    """A copy taken while the original is in use is recovered beside it, and disturbs it in nothing."""
    with EmbeddedServer(place / "original") as original:
        keep(original.url, 1)
        shutil.copytree(place / "original", place / "copy", symlinks=True)
        for path in (place / "copy" / "postgres", *(place / "copy" / "postgres").rglob("*")):
            shutil.chown(path, original.describe().user)
        with EmbeddedServer(place / "copy") as copy:
            assert copy.url != original.url
            assert kept(copy.url) == [1]
        assert kept(original.url) == [1]


def test_an_interrupted_first_start_leaves_nothing_half_made(place: Path) -> None:
    """A kill in the middle of initdb is made good by the next start."""
    server = EmbeddedServer(place)
    with server:
        unfinished = place / "postgres" / "data.new"
    (place / "postgres" / "data").rename(unfinished)
    shutil.rmtree(unfinished / "global")
    with server:
        keep(server.url, 1)
        assert not unfinished.exists()


def test_a_server_that_does_not_start_says_why(place: Path) -> None:
    """The error ends with what the server wrote, this time and not before, and nothing is left running."""
    server = EmbeddedServer(place)
    with server:
        pass
    settings = place / "postgres" / "data" / "postgresql.conf"
    settings.write_text(settings.read_text() + "\nno_such_setting = 1\n")
    with pytest.raises(DatabaseUnavailable, match="did not start") as caught:
        server.start()
    assert 'unrecognized configuration parameter "no_such_setting"' in str(caught.value)
    assert "database system is shut down" not in str(caught.value)
    assert server.describe().pid is None


def test_a_failed_initdb_says_why(place: Path) -> None:
    """Data that cannot be made are reported with initdb's own words."""
    server = EmbeddedServer(place)
    with server:
        home = place / "postgres"
    (home / "data").rename(home / "aside")
    (home / "data.new").write_text("in the way")
    with pytest.raises(DatabaseUnavailable, match="initdb failed"):
        server.start()


def test_a_server_started_by_hand_is_not_touched(place: Path) -> None:
    """A server on the data that we did not start is named, and its pid file kept."""
    server = EmbeddedServer(place)
    server.start()
    lock = place / "postgres" / "server.lock"
    lock.rename(lock.with_name("aside.lock"))
    with pytest.raises(DatabaseUnavailable, match="was not started by us"):
        EmbeddedServer(place).start()
    assert pid_file(place).exists()
    lock.with_name("aside.lock").rename(lock)
    server.stop()
    assert server.describe().pid is None


def test_a_folder_deleted_under_the_server_does_not_disturb_the_exit(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Deleting .squidmesh while a process uses it makes that process's exit no failure."""
    server = EmbeddedServer(place / "gone")
    sockets = sockets_of(server.start())
    pid = server.describe().pid
    assert pid is not None
    delete_in_use(place / "gone")
    server.stop()
    assert "is left as it is" in caplog.text
    with suppress(ProcessLookupError):  # it may have noticed by itself
        os.kill(pid, signal.SIGQUIT)
    delete_in_use(sockets)
