"""What a server refuses is one clear message that says what to do, and never a password."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, text

from squidmesh import SquidMesh
from squidmesh.errors import DatabaseUnavailable, SchemaOutdated, StatementRefused
from tests.integration.bench import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psycopg

SECRET = "s3cr3t-w0rd"


class Login:
    """A role of the test's own, and the URL by which it logs in."""

    def __init__(self, url: str, connection: psycopg.Connection[Any]) -> None:
        self.name = f"squidmesh_test_{os.urandom(4).hex()}"
        self.connection = connection
        self.execute(f"CREATE ROLE {self.name} LOGIN PASSWORD '{SECRET}'")
        self.url = make_url(url).set(username=self.name, password=SECRET).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        """Change the role, as its administrator."""
        self.connection.execute(statement)


@pytest.fixture
def login(database_url: str) -> Iterator[Login]:
    """A role that may log in, and nothing else."""
    with connect(database_url) as connection:
        login = Login(database_url, connection)
        yield login
        login.execute(f"DROP OWNED BY {login.name}")
        login.execute(f"DROP ROLE {login.name}")


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., str]:
    """Do something on a database, and return the message of the error that it must raise."""
    (tmp_path / "w.yaml").write_text(
        "workflow: a.b\ntriggers: {t: {manual: {}}}\nsteps: {one: {log: {message: hi}, next: complete}}\n"
    )

    def refusal(url: str, kind: type[Exception], act: Callable[[SquidMesh], Any]) -> str:
        with SquidMesh(url, tmp_path, folder=tmp_path) as mesh, pytest.raises(kind) as caught:
            act(mesh)
        message = str(caught.value)
        assert SECRET not in message
        assert "\n" not in message
        return message

    return refusal


def start(mesh: SquidMesh) -> None:
    """Start a run."""
    mesh.start_run("a.b")


def test_a_user_without_rights_is_told_so(login: Login, refusal: Callable[..., str]):
    """On the schema, on a table, and for making the tables: what is denied, and who can help."""
    assert "permission denied for schema squidmesh; grant" in refusal(login.url, StatementRefused, start)
    login.execute(f"GRANT USAGE ON SCHEMA squidmesh TO {login.name}")
    login.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA squidmesh TO {login.name}")
    message = refusal(login.url, StatementRefused, start)
    assert "permission denied for table" in message
    assert "let its owner run 'squidmesh db upgrade'" in message


def test_a_user_who_may_not_make_the_tables_is_told_so(
    empty_database_url: str, login: Login, refusal: Callable[..., str]
):
    """``migrate`` says what is denied."""
    url = make_url(login.url).set(database=make_url(empty_database_url).database).render_as_string(hide_password=False)
    assert "permission denied for database" in refusal(url, StatementRefused, SquidMesh.migrate)


def test_a_server_that_only_reads_is_told_from_one_that_refuses(login: Login, refusal: Callable[..., str]):
    """A standby is the wrong place, for now: unavailable, not refused, so that a worker tries again."""
    login.execute(f"GRANT USAGE ON SCHEMA squidmesh TO {login.name}")
    login.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA squidmesh TO {login.name}")
    login.execute(f"ALTER ROLE {login.name} SET default_transaction_read_only = on")
    message = refusal(login.url, DatabaseUnavailable, start)
    assert "the server only reads" in message
    assert "name the primary" in message


def test_a_database_that_is_not_there_is_named(login: Login, refusal: Callable[..., str]):
    """And that it is to be made, or the name corrected."""
    url = make_url(login.url).set(database="no_such_one").render_as_string(hide_password=False)
    message = refusal(url, DatabaseUnavailable, start)
    assert 'database "no_such_one" does not exist; create it, or correct the name' in message


def test_too_many_connections_are_told(login: Login, refusal: Callable[..., str]):
    """The limit may be the server's, the database's or the role's."""
    login.execute(f"ALTER ROLE {login.name} CONNECTION LIMIT 0")
    message = refusal(login.url, DatabaseUnavailable, start)
    assert "too many connections" in message
    assert "raise the limit, or run fewer processes" in message


def test_a_server_that_does_not_answer_is_told(refusal: Callable[..., str]):
    """Nobody at the port, no such host: the address is what may be wrong."""
    message = refusal(f"postgresql://u:{SECRET}@127.0.0.1:1/x", DatabaseUnavailable, start)
    assert "Connection refused; is the server running, and the database URL right?" in message
    message = refusal(f"postgresql://u:{SECRET}@no-such-host.invalid/x", DatabaseUnavailable, start)
    assert "correct the host in the database URL" in message


def test_missing_tables_are_told_with_the_command_that_makes_them(empty_database_url: str, refusal: Callable[..., str]):
    """The first statement that meets them says it, whichever it is."""
    assert "squidmesh db upgrade" in refusal(empty_database_url, SchemaOutdated, start)
    assert "squidmesh db upgrade" in refusal(empty_database_url, SchemaOutdated, SquidMesh.list_runs)


def test_a_value_that_no_operator_takes_is_not_blamed_on_the_tables(database_url: str, refusal: Callable[..., str]):
    """To the server both are an undefined function: the tables are asked which it is."""

    def compare(mesh: SquidMesh) -> None:
        with mesh.database.transaction() as connection:
            connection.execute(text("SELECT 1 FROM squidmesh.runs WHERE trigger = 5"))

    assert "operator does not exist" in refusal(database_url, StatementRefused, compare)


def test_a_table_that_is_gone_from_sound_ones_is_named(database_url: str, refusal: Callable[..., str]):
    """No upgrade would bring it back."""
    with connect(database_url) as connection:
        connection.execute("DROP TABLE squidmesh.audit_events CASCADE")

    def look(mesh: SquidMesh) -> None:
        mesh.inspect_run(mesh.start_run("a.b").id, include_history=True)

    assert 'relation "squidmesh.audit_events" does not exist' in refusal(database_url, StatementRefused, look)


def test_tables_of_another_version_are_told_with_theirs(database_url: str, refusal: Callable[..., str]):
    """A column that is not there yet means older tables, not none."""
    with connect(database_url) as connection:
        connection.execute("ALTER TABLE squidmesh.runs DROP COLUMN traceparent CASCADE")
        connection.execute("UPDATE squidmesh.alembic_version SET version_num = '0000'")
    message = refusal(database_url, SchemaOutdated, start)
    assert message == "the tables are at version 0000, version 0001 is needed; run 'squidmesh db upgrade'"
