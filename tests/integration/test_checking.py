"""``check`` and ``examine``: every problem at once, each with what to do about it."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from squidmesh import SquidMesh
from squidmesh.errors import ConfigurationError
from squidmesh.store import health
from squidmesh.store.workers import add_worker
from tests.integration.bench import connect, set_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from squidmesh.model.upkeep import Finding

GOOD = "workflow: a.good\ntriggers: {t: {manual: {}}}\nsteps: {one: {uses: t.work, queue: mail, next: complete}}\n"


def nothing() -> None:
    """Do nothing."""


@pytest.fixture
def make(tmp_path: Path, database_url: str) -> Iterator[Callable[..., SquidMesh]]:
    """Make meshes in a folder with one good workflow."""
    (tmp_path / "good.yaml").write_text(GOOD)
    made: list[SquidMesh] = []

    def make(database: Any = database_url, workflows: Any = None, **settings: Any) -> SquidMesh:
        steps = settings.pop("steps", {"t.work": nothing})
        made.append(SquidMesh(database, workflows or tmp_path, steps, folder=tmp_path, **settings))
        return made[-1]

    yield make
    for mesh in made:
        mesh.close()


def found(mesh: SquidMesh, *, live: bool = False) -> dict[str, Finding]:
    """Return the findings of an examination by check."""
    return {finding.check: finding for finding in mesh.examine(live=live)}


def test_every_problem_of_the_configuration_is_told_at_once(make: Callable[..., SquidMesh], tmp_path: Path):
    """The address of the database, what does not load, and each error of each file; and nothing is connected to."""
    (tmp_path / "bad.yaml").write_text("workflow: a.bad\ntriggers: {t: {manual: {}}}\nsteps: {one: {uses: t.gone}}\n")
    (tmp_path / "worse.yaml").write_text("workflow: a.worse\n")
    (tmp_path / "pyproject.toml").write_text('[tool.squidmesh.steps]\n"t.broken" = "no_such_module:call"\n')
    with pytest.raises(ConfigurationError) as caught:
        make("mysql://user:secret@host/name").check()
    text = str(caught.value)
    for part in ("must be PostgreSQL", "'t.broken' cannot be loaded", "bad.yaml:3:", "'t.gone'", "worse.yaml:1:"):
        assert part in text
    assert "secret" not in text
    (tmp_path / "bad.yaml").unlink()
    (tmp_path / "worse.yaml").unlink()
    (tmp_path / "pyproject.toml").unlink()
    make("postgresql://nobody@203.0.113.1/nowhere").check()


def test_a_sound_installation_has_no_problem(make: Callable[..., SquidMesh]):
    """Without a worker there is a warning; with one that serves all queues there is none."""
    mesh = make()
    alone = found(mesh)
    assert {finding.verdict for finding in alone.values()} == {"ok", "warning"}
    assert (alone["workers"].verdict, alone["workers"].remedy) == ("warning", "start one: squidmesh run")
    with mesh.worker(queues=("default",)):
        assert found(mesh)["served"].verdict == "warning"
        assert "a.good/one (queue mail, step type t.work)" in found(mesh)["served"].detail
    with mesh.worker(queues=("default", "mail")):
        assert {finding.verdict for finding in found(mesh).values()} == {"ok"}


def test_what_is_wrong_with_the_database_is_named_with_its_remedy(
    make: Callable[..., SquidMesh], empty_database_url: str, database_url: str
):
    """Nobody there, no tables, old ones, newer ones; what depends on it is skipped, not guessed."""
    gone = found(make("postgresql://u:secret@127.0.0.1:1/x"))
    assert gone["database"].verdict == "problem"
    assert "Connection refused" in gone["database"].detail
    assert "secret" not in str(gone)
    assert {gone[check].verdict for check in ("tables", "rights", "clock", "wake-ups", "workers")} == {"skipped"}
    empty = found(make(empty_database_url))["tables"]
    assert (empty.verdict, empty.remedy) == ("problem", "run 'squidmesh db upgrade'")
    with connect(database_url) as connection:
        connection.execute("UPDATE squidmesh.alembic_version SET version_num = '0000'")
        assert "0001 is needed" in found(make())["tables"].detail
        connection.execute("UPDATE squidmesh.alembic_version SET version_num = '9999'")
        assert found(make())["tables"].remedy == "upgrade the package squidmesh"


def test_rights_that_are_missing_are_named(make: Callable[..., SquidMesh], database_url: str):
    """A user that may log in and read, and no more, is told which tables it may not write."""
    role = f"reader_{os.urandom(4).hex()}"
    with connect(database_url) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA squidmesh TO {role}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA squidmesh TO {role}")
        connection.execute(f"GRANT INSERT, UPDATE, DELETE ON squidmesh.runs TO {role}")
        try:
            rights = found(make(_as(database_url, role)))["rights"]
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
    assert rights.verdict == "problem"
    assert "step_runs" in rights.detail
    assert " runs" not in rights.detail
    assert "GRANT" in str(rights.remedy)


def _as(url: str, user: str) -> str:
    return make_url(url).set(username=user).render_as_string(hide_password=False)


def test_a_run_clock_that_was_moved_is_found(make: Callable[..., SquidMesh], database_url: str):
    """What a test left behind would make every timer of a production database come due."""
    with connect(database_url) as connection:
        set_clock(connection, 3600)
    clock = found(make())["clock"]
    assert clock.verdict == "problem"
    assert "squidmesh db upgrade" in str(clock.remedy)


def test_wakeups_that_do_not_arrive_are_found(make: Callable[..., SquidMesh], monkeypatch: pytest.MonkeyPatch):
    """As behind a pooler, where LISTEN is accepted and nothing is passed on."""
    monkeypatch.setattr(health, "listen", lambda *_: None)
    wakeups = found(make())["wake-ups"]
    assert wakeups.verdict == "warning"
    assert "polling" in wakeups.detail


def test_a_paused_queue_is_told(make: Callable[..., SquidMesh]):
    """With the command that resumes it."""
    mesh = make()
    with mesh.worker(queues=("mail",)):
        mesh.pause_queue("mail", actor="ops")
        assert found(mesh)["queues"].remedy == "squidmesh queues resume mail"


def test_the_probe_tells_a_silent_worker_of_this_machine_from_one_that_is_gone(
    make: Callable[..., SquidMesh], database_url: str
):
    """A process that exists and gives no sign of life fails the probe; one that ended or is elsewhere does not."""
    mesh = make()
    assert set(found(mesh, live=True)) == {"database", "tables", "workers"}

    def silent(name: str, host: str, pid: int) -> None:
        made = {"version": "1", "queues": ["q"], "step_types": [], "silent_after": -timedelta(minutes=1)}
        add_worker(mesh.database, id_=name, host=host, pid=pid, **made)

    silent("elsewhere", "another.host", os.getpid())
    silent("gone", socket.gethostname(), 2**22 + 1)
    assert found(mesh, live=True)["workers"].verdict == "ok"
    silent("hung", socket.gethostname(), os.getpid())
    probe = found(mesh, live=True)["workers"]
    assert (probe.verdict, probe.detail) == ("problem", "no sign of life from hung")
    with mesh.worker():  # a later one of the same pid, as in a container that was restarted
        assert found(mesh, live=True)["workers"].verdict == "ok"


def test_the_probe_does_not_ask_for_a_restart_that_would_not_help(
    make: Callable[..., SquidMesh], empty_database_url: str
):
    """While the database is down, or has no tables yet, workers wait for it: a warning, with the remedy."""
    down = found(make("postgresql://u@127.0.0.1:1/x"), live=True)["database"]
    assert down.verdict == "warning"
    assert "Connection refused" in down.detail
    assert found(make(empty_database_url), live=True)["tables"].verdict == "warning"


def test_an_embedded_server_is_shown_with_its_place(make: Callable[..., SquidMesh], server_url: str):
    """Where its data and its log are, for whoever looks for them."""
    folder = os.environ.get("SQUIDMESH_TEST_FOLDER")
    assert folder
    mesh = make(f"embedded:{folder}/.squidmesh")
    mesh.migrate()
    embedded = found(mesh)["embedded"]
    assert embedded.verdict == "ok"
    assert f"{folder}/.squidmesh/postgres" in embedded.detail
