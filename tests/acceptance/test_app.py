"""The mesh of a host, named by --app, for every command: its schema, its workflows, its step types."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.conftest import Desk

MADE = "made"
HOST = f"""\
from squidmesh import SquidMesh

def own():
    with open("{MADE}", "a") as file:
        file.write("call ")
    return {{"answer": 42}}

mesh = SquidMesh(workflows="flows", steps={{"host.own": own}}, schema="shop")

def make():
    with open("{MADE}", "a") as file:
        file.write("make ")
    return mesh
"""
FLOW = """\
workflow: host.flow
triggers: {go: {manual: {}}}
steps:
  ask: {uses: host.own, output: ask, next: gate}
  gate: {pause: {}, next: complete}
"""
APP = ("--app", "host:mesh")


@pytest.fixture
def host(project: Path) -> Path:
    """A project whose host keeps its mesh in a module, in a schema and with a folder of workflows of its own."""
    (project / "host.py").write_text(HOST)
    (project / "flows").mkdir()
    (project / "flows" / "flow.yaml").write_text(FLOW)
    (project / "migrations").mkdir()
    return project


def proposed(printed: str, verb: str) -> list[str]:
    """Return the arguments of a command that was printed to be pasted."""
    lines = [shlex.split(line.removeprefix("more: ")) for line in printed.splitlines() if "squidmesh " in line]
    return next(words[1:] for words in lines if verb in words)


def test_the_tables_are_those_of_the_hosts_schema(
    host: Path, squidmesh: Callable[..., Any], empty_database_url: str
) -> None:
    """As statements to print, as a revision in the host's own folder, and made: the same schema each time."""
    printed = squidmesh(*APP, "db", "upgrade", "--sql")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert 'CREATE TABLE "shop".runs' in printed.stdout
    assert '"squidmesh"' not in printed.stdout
    folder = host / "migrations"
    (folder / "env.py").write_text("")
    (folder / "script.py.mako").write_text("")
    (folder / "versions").mkdir()
    installed = squidmesh(*APP, "db", "install", str(folder))
    assert installed.returncode == 0, installed.stderr
    (revision,) = (folder / "versions").glob("*.py")
    assert "'shop'" in revision.read_text() or '"shop"' in revision.read_text()
    made = squidmesh(*APP, "db", "upgrade", SQUIDMESH_DATABASE_URL=empty_database_url)
    assert made.returncode == 0, made.stderr
    status = squidmesh(*APP, "db", "status", "--json", SQUIDMESH_DATABASE_URL=empty_database_url)
    assert json.loads(status.stdout)["schema"] == "shop"


@pytest.mark.usefixtures("host")
def test_files_are_compared_with_the_hosts_step_types(squidmesh: Callable[..., Any]) -> None:
    """The linter reads the host's workflows and knows its step types; so do the schema for editors and the list."""
    checked = squidmesh(*APP, "validate")
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout
    assert checked.stderr.startswith("1 file checked")
    assert squidmesh("validate", "flows", SQUIDMESH_APP="host:mesh").returncode == 0
    assert "SM401" in squidmesh("validate", "flows").stdout
    assert squidmesh(*APP, "format", "--check").stderr.startswith("1 file,")
    assert '"host.own"' in squidmesh(*APP, "schema", "--with-steps").stdout
    assert "host.own" in squidmesh(*APP, "steps").stdout


def test_the_app_may_be_a_setting(host: Path, squidmesh: Callable[..., Any]) -> None:
    """A function is called once a command, and not at all by a command that has no use for it."""
    with (host / "squidmesh.toml").open("w") as file:
        file.write('[tool.squidmesh]\napp = "host:make"\n')
    assert squidmesh("validate", "flows", "--no-registry").returncode == 0
    assert not (host / MADE).exists()
    assert squidmesh("validate").stderr.startswith("1 file checked")
    assert (host / MADE).read_text() == "make "


def test_an_app_that_cannot_be_loaded_is_told_by_every_command(host: Path, squidmesh: Callable[..., Any]) -> None:
    """Nothing is done with the settings instead: they may mean another database, or other files."""
    for command in (
        ("validate",),
        ("format", "--check"),
        ("schema", "--with-steps"),
        ("steps",),
        ("try", "flows/flow.yaml"),
        ("db", "upgrade", "--sql"),
        ("db", "install", "migrations"),
        ("runs",),
        ("doctor",),
    ):
        said = squidmesh("--app", "hots:mesh", *command)
        assert said.returncode == (1 if command == ("doctor",) else 2), command
        assert "No module named 'hots'" in said.stdout + said.stderr, command
        assert "Traceback" not in said.stderr
    assert not (host / ".squidmesh").exists()


def test_a_trial_has_the_hosts_steps_and_schema_but_not_its_database(
    host: Path, squidmesh: Callable[..., Any], desk: Desk, empty_database_url: str
) -> None:
    """The run is on the database that was named, in the host's schema; the commands that it prints go on from there."""
    tried = squidmesh(*APP, "try", "flows/flow.yaml", "--database", desk.url, SQUIDMESH_DATABASE_URL=empty_database_url)
    assert (tried.returncode, tried.stderr) == (0, "")
    assert "✓ ask" in tried.stdout
    assert (host / MADE).read_text() == "call "
    assert desk.one("SELECT count(*) FROM shop.runs") == 1
    assert desk.one("SELECT count(*) FROM squidmesh.runs") == 0
    for verb in ("unblock", "run", "inspect"):
        words = proposed(tried.stdout, verb)
        assert words[:2] == list(APP)
        done = squidmesh(*words, *(["--yes", "--actor", "ada"] if verb == "unblock" else []))
        assert done.returncode == 0, done.stderr
    assert desk.one("SELECT status FROM shop.runs") == "completed"


@pytest.mark.usefixtures("host")
def test_another_database_is_asked_with_the_hosts_settings(squidmesh: Callable[..., Any], desk: Desk) -> None:
    """--database beside --app, or beside the variable, changes the database alone."""
    assert squidmesh(*APP, "db", "upgrade", "--database", desk.url).returncode == 0
    elsewhere = {"SQUIDMESH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/shop"}
    started = squidmesh("start", "host.flow", "--database", desk.url, SQUIDMESH_APP="host:mesh", **elsewhere)
    assert started.returncode == 0, started.stderr
    assert desk.one("SELECT workflow FROM shop.runs") == "host.flow"
    burst = squidmesh(*APP, "run", "--burst", "--database", desk.url, **elsewhere)
    assert burst.returncode == 0, burst.stderr
    explained = squidmesh(*APP, "explain", started.stdout.strip(), "--database", desk.url, **elsewhere)
    assert proposed(explained.stdout, "unblock")[:2] == list(APP)
