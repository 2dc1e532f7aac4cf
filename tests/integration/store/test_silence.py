"""A server that acknowledges and never answers: waits for it end, and its connections are not used again."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import text

from squidmesh.errors import DatabaseUnavailable
from squidmesh.store.autocommit import autocommitting
from squidmesh.store.dedicated import Dedicated
from squidmesh.store.engine import Database, driver_connection
from tests.integration.bench import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEASE = timedelta(milliseconds=250)
SILENCE = "SELECT pg_sleep(600)"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of a process with a short lease, and somebody who ends what is silent."""
    database, stop = Database(database_url, lease=LEASE), threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            database.end_silent()

    watchman = threading.Thread(target=watch)
    watchman.start()
    yield database
    stop.set()
    watchman.join()
    database.close()
    with connect(database_url) as desk:  # the server does not look whether its client is gone while it sleeps
        desk.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s", [SILENCE])


def in_a_transaction(database: Database) -> None:
    """Ask the pool's connection for what is never answered."""
    with database.transaction() as connection:
        connection.execute(text(SILENCE))


def in_one_statement(database: Database) -> None:
    """Ask as a start does, without BEGIN and COMMIT."""
    with autocommitting(database) as connection:
        connection.execute(SILENCE)


def on_a_dedicated_connection(database: Database) -> None:
    """Ask a loop's own connection."""
    with Dedicated(database).use() as connection:
        connection.execute(SILENCE)


def in_a_pipeline(database: Database) -> None:
    """Ask as the database loop does, several statements at once."""
    with Dedicated(database).use() as connection, connection.pipeline():
        connection.execute("BEGIN")
        connection.execute(SILENCE)
        connection.execute("COMMIT")


@pytest.mark.parametrize("ask", [in_a_transaction, in_one_statement, on_a_dedicated_connection, in_a_pipeline])
def test_a_wait_for_a_silent_server_ends(database: Database, ask: Callable[[Database], None], caplog: Any) -> None:
    """After most of a lease the wait fails as a broken connection does, and the next call has another connection."""
    with pytest.raises(DatabaseUnavailable):
        ask(database)
    with database.transaction() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    assert caplog.text == ""  # the error says it all


def test_a_connection_may_be_waited_for_patiently(database: Database) -> None:
    """What is known to take long, such as a migration, is left alone."""
    connection = database.engine.connect()
    raw = driver_connection(connection)
    database.watch(raw, patiently=True)
    raw.execute("SELECT pg_sleep(1)")
    database.watch(raw)
    with pytest.raises(psycopg.OperationalError):
        raw.execute(SILENCE)
    connection.invalidate()
    connection.close()


def test_a_connection_that_waits_for_nothing_is_left_alone(database: Database) -> None:
    """However long a loop is idle, its connection stays."""
    with database.dedicate() as raw:
        time.sleep(LEASE.total_seconds() * 3)
        raw.execute("SELECT 1")


def test_the_server_gives_up_when_we_do(database_url: str) -> None:
    """A session of which nothing is heard any more waits for no lock, and holds none, for longer than a lease."""
    database = Database(database_url, lease=timedelta(seconds=10))
    with contextlib.closing(database), database.dedicate() as connection:
        assert connection.execute("SHOW lock_timeout").fetchone() == ("8s",)
        if connection.info.server_version >= 170000:
            connection.execute("BEGIN")
            assert connection.execute("SHOW transaction_timeout").fetchone() == ("8s",)


def test_the_server_looks_for_a_peer_that_is_gone(database_url: str) -> None:
    """Across a network, not on a socket in the file system, it gives the peer up within a lease."""
    database = Database(database_url, lease=timedelta(seconds=10))
    names = ("tcp_user_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
    with contextlib.closing(database), database.dedicate() as connection:
        found = [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]  # type: ignore[index]  # a row
        networked = connection.execute("SELECT inet_client_addr() IS NOT NULL").fetchone() == (True,)
    assert found == (["8000", "2", "2", "3"] if networked else ["0", "0", "0", "0"])
