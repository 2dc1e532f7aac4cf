"""The command line as its user meets it: help, good input, and one clear message for each bad one."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from squidmesh.cli.main import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Desk

NOBODY = "019b76da-a800-7000-8000-000000000001"
UNREACHABLE = "postgresql://someone:sekret@127.0.0.1:1/shop"


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def logging_kept() -> Iterator[None]:
    """Undo what a command does to the logging of its process."""
    loggers = [logging.getLogger(name) for name in ("", "squidmesh", "huey", "alembic")]
    before = [(logger, logger.level, [*logger.handlers]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def say(
    logging_kept: None,
    environment: dict[str, str],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Said]:
    """Run a command in this process, in the project folder (``capfd`` is no terminal)."""
    monkeypatch.chdir(project)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Said:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return Said(int(ended.value.code or 0), *capfd.readouterr())

    return run


def refused(said: Said, *parts: str, code: int = 2) -> None:
    """Check that a command ended in one message on standard error, naming ``parts``."""
    assert (said.code, said.out) == (code, ""), said
    message = said.err.strip()
    assert all(part in message for part in parts), message
    assert message.lower().count("error:") == 1, message
    assert "Traceback" not in message
    assert "sekret" not in message


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"format", "graph", "rule", "db"}])
def test_every_command_shows_an_example(name: str, say: Callable[..., Said]) -> None:
    """--help ends well and has an example that begins with the command."""
    said = say(name, "--help")
    assert said.code == 0
    assert re.search(rf"Examples?:\s+squidmesh {name}", said.out), said.out


def test_groups_and_their_commands_show_examples(say: Callable[..., Said]) -> None:
    """The command itself and those of its groups have examples too; --version names the version."""
    assert "Example: squidmesh try" in say("--help").out
    assert "Example: squidmesh db upgrade" in say("db", "upgrade", "--help").out
    assert re.fullmatch(r"squidmesh, version \d+\.\d+\.\d+\n", say("--version").out)


def test_help_imports_neither_the_database_nor_huey(squidmesh: Callable[..., Any]) -> None:
    """``squidmesh --help`` lists the commands without importing what they need."""
    names = {"sqlalchemy", "psycopg", "huey", "rich", "ruamel", "jsonschema", "httpx", "alembic"}
    result = squidmesh("--help", anew=True, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.split("|")[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert "click" in imported
    assert not names & imported


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("strat",), ["no such command 'strat' (did you mean 'start'?)"]),
        (("start",), ["Missing argument 'WORKFLOW'"]),
        (("start", "acc.strait"), ["'acc.strait' is not known (did you mean 'acc.straight'?)"]),
        (("start", "acc.typed"), ["several triggers; name one of: go, again"]),
        (("start", "acc.typed", "--trigger", "agin"), ["no trigger 'agin' (did you mean 'again'?)", "nightly"]),
        (("start", "acc.straight", "--payload", "nonsense"), ["--payload", "'nonsense': write KEY=VALUE"]),
        (("start", "acc.straight", "--payload-file", "pyproject.toml"), ["pyproject.toml cannot be read as JSON"]),
        (("start", "acc.straight", "--workflows", "nowhere"), ["nowhere", "No such file"]),
        (("inspect", "xyz"), ["'xyz' is not a run id"]),
        (("explain", "xyz"), ["'xyz' is not a run id"]),
        (("inspect", NOBODY), [f"no run has the id {NOBODY}"]),
        (("explain", NOBODY), [f"no run has the id {NOBODY}"]),
        (("run", "workflows/straight.yaml"), ["takes no file", "squidmesh try workflows/straight.yaml"]),
        (("run", "--grace", "5"), ["--grace", "'5' is not a duration"]),
        (("run", "--concurrency", "0"), ["--concurrency"]),
        (("--app", "nowhere", "steps"), ["--app 'nowhere'", "module:attribute"]),
        (("--app", "nowhere:mesh", "inspect", NOBODY), ["--app 'nowhere:mesh'", "No module named 'nowhere'"]),
        (("try", "nowhere.yaml"), ["nowhere.yaml"]),
        (("try", "workflows/straight.yaml", "--stub", "on"), ["no step 'on' uses a step type (did you mean 'one'?)"]),
        (("try", "workflows/straight.yaml", "--stub", "one=3"), ["one: a JSON object is expected"]),
    ],
)
def test_bad_input_ends_in_one_message(arguments: tuple[str, ...], parts: list[str], say: Callable[..., Said]) -> None:
    """What the user got wrong is named, with what to do; exit 2 and nothing on standard output."""
    refused(say(*arguments), *parts)


def test_a_wrong_payload_names_all_fields_and_starts_nothing(say: Callable[..., Said], desk: Desk) -> None:
    """Missing, mistyped and undeclared fields are told together, and no run was made."""
    options = ["count=many", "tags=3", "where=[1]", "loud=maybe", "bogus=1"]
    said = say("start", "acc.typed", "--trigger", "go", *(part for option in options for part in ("--payload", option)))
    refused(said, *(f"{name}: " for name in ("name", "count", "tags", "where", "loud", "bogus")))
    assert desk.one("SELECT count(*) FROM squidmesh.runs") == 0


def test_payload_is_read_by_the_declared_type(say: Callable[..., Said], desk: Desk, tmp_path: Path) -> None:
    """Text stays text, numbers, booleans, lists and maps are read; a pair overrides the file."""
    file = tmp_path / "payload.json"
    file.write_text('{"name": "from the file", "count": 1}')
    options = ["name=7", "ratio=1.5", "loud=TRUE", 'tags=["a", 2]', 'where={"b": null}']
    pairs = [part for option in options for part in ("--payload", option)]
    said = say("start", "acc.typed", "--trigger", "go", "--payload-file", str(file), *pairs, "--key", "k")
    assert said.code == 0
    assert json.loads(say("inspect", said.out.strip(), "--json").out)["payload"] == {
        "name": "7",
        "count": 1,
        "ratio": 1.5,
        "loud": True,
        "tags": ["a", 2],
        "where": {"b": None},
    }
    refused(
        say("start", "acc.typed", "--trigger", "go", "--payload", "name=other", "--payload", "count=1", "--key", "k")
    )
    assert desk.one("SELECT count(*) FROM squidmesh.runs") == 1


@pytest.mark.parametrize("command", [("run",), ("inspect", NOBODY), ("explain", NOBODY), ("start", "acc.straight")])
def test_databases_that_cannot_be_used(
    command: tuple[str, ...], say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    """Not reachable, without our tables, not Postgres, unreadable, none: one message each, without the password."""
    for url, parts in [
        (UNREACHABLE, ["the database is not available", "127.0.0.1"]),
        (empty_database_url, ["the tables are missing", "squidmesh db upgrade"]),
        ("mysql://someone:sekret@host/shop", ["must be PostgreSQL", "mysql"]),
        ("postgresql://someone:a@sekret@host/shop", ["more than one @"]),
        ("someone:sekret@host/shop", ["the database URL cannot be read", "postgresql://USER:PASSWORD@HOST"]),
        ("postgresql://someone:sekret@host:port/shop", ["the database URL cannot be read"]),
        ("postgresql://a:sekret@127.0.0.1/x?foo=bar", ["the database URL 'postgresql://", 'connection option "foo"']),
        ("", ["no database is set", "SQUIDMESH_DATABASE_URL", "squidmesh try FILE"]),
    ]:
        monkeypatch.setenv("SQUIDMESH_DATABASE_URL", url)
        refused(say(*command), *parts)


@pytest.mark.parametrize(
    "command", [("run",), ("runs",), ("try", "workflows/straight.yaml"), ("db", "upgrade"), ("schedules",)]
)
def test_an_empty_address_is_a_mistake(command: tuple[str, ...], say: Callable[..., Said], project: Path) -> None:
    """An empty variable is not set; an empty option was meant to name a database, and no other one is asked instead."""
    refused(say(*command, "--database", ""), "Invalid value for '--database'", "it is empty")
    assert not (project / ".squidmesh").exists()


def test_an_invalid_file_is_refused_before_anything_runs(say: Callable[..., Said], project: Path, desk: Desk) -> None:
    """A file that names an unknown step keeps start and run from beginning; try shows the place."""
    bad = project / "workflows" / "bad.yaml"
    bad.write_text("workflow: acc.bad\ntriggers: {go: {manual: {}}}\nsteps:\n  one: {uses: acc.nope, next: complete}\n")
    for command in (("start", "acc.straight"), ("run", "--burst")):
        refused(say(*command), "bad.yaml:4:", "acc.nope", "SM401")
    shown = say("try", "workflows/bad.yaml")
    assert shown.code == 1
    assert "acc.nope" in shown.out
    assert not (project / ".squidmesh").exists()
    assert desk.one("SELECT count(*) FROM squidmesh.runs") == 0


def test_wrong_settings_are_told_together(say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """All wrong settings are in one message, each naming its variable."""
    monkeypatch.setenv("SQUIDMESH_LEASE", "3")
    monkeypatch.setenv("SQUIDMESH_MAX_LOSSES", "none")
    refused(say("run"), "SQUIDMESH_LEASE: '3' is not a duration", "SQUIDMESH_MAX_LOSSES: expected a whole number")


def test_db_upgrade(say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, empty_database_url: str) -> None:
    """It makes the tables, says so, changes nothing the second time, and prints its statements with --sql."""
    monkeypatch.setenv("SQUIDMESH_DATABASE_URL", empty_database_url)
    first, second = say("db", "upgrade"), say("db", "upgrade")
    assert (first.code, second.code) == (0, 0)
    assert "(before: none)" in first.out
    assert "up to date" in second.out
    assert (first.err, second.err) == ("", "")
    assert 'CREATE TABLE "squidmesh".runs' in say("db", "upgrade", "--sql").out


def test_start_run_inspect_explain(say: Callable[..., Said], squidmesh: Callable[..., Any]) -> None:
    """A run from start to end; people's output lines up, carries no colour into a pipe and no trailing blanks."""
    run_id = say("start", "acc.bumpy").out.strip()
    assert "no live worker serves" in say("explain", run_id).out
    assert say("start", "acc.mail", "--json").code == 0
    for _ in range(3):
        assert squidmesh("run", "--burst").returncode == 0
        if json.loads(say("explain", run_id, "--json").out)["reason"] == "completed":
            break
    shown = say("inspect", run_id, "--history").out
    for text in (shown, say("explain", run_id).out, say("steps").out):
        assert "\x1b" not in text
        assert [line for line in text.splitlines() if line != line.rstrip()] == []
    lines = shown.splitlines()
    (title,) = (line for line in lines if line.startswith("  step "))
    (failed,) = (line for line in lines if line.startswith("  broken"))
    assert failed.index("unknown_invoice: no such invoice") == title.index("last error")
    facts = json.loads(say("inspect", run_id, "--history", "--json").out)
    assert [step["status"] for step in facts["steps"]] == ["completed", "completed", "failed", "completed"]


def test_long_lines_are_not_folded_in_a_pipe(say: Callable[..., Said], project: Path) -> None:
    """A long payload stays on its line, so that grep and awk see whole records."""
    run_id = say("start", "acc.gated", "--payload", f"gate={'x' * 190}").out.strip()
    assert f"  gate  {'x' * 190}\n" in say("inspect", run_id).out
    assert any(f"acceptance_steps:note of {project}" in line for line in say("steps").out.splitlines())


def test_steps_tells_what_is_broken(say: Callable[..., Said], project: Path) -> None:
    """Step types are listed with parameters and origin; one that does not load is named with its error, exit 1."""
    assert [row["name"] for row in json.loads(say("steps", "--json").out)][:2] == ["acc.add", "acc.doze"]
    with (project / "pyproject.toml").open("a") as file:
        file.write('"acc.broken" = "acceptance_steps:nothing"\n')
    said = say("steps")
    assert said.code == 1
    assert re.search(r"acc\.broken +- .*nothing", said.out)


def test_the_hosts_own_mesh(say: Callable[..., Said], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--app names the host's SquidMesh, or a function returning it, with the working directory importable."""
    (project / "host.py").write_text(
        "from squidmesh import SquidMesh\n"
        "def own(): return {}\n"
        "mesh = SquidMesh(steps={'host.own': own})\n"
        "def make(): return SquidMesh(steps={'host.made': own})\n"
        "other = 3\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert "host.own" in say("--app", "host:mesh", "steps").out
    assert "host.made" in say("--app", "host:make", "steps").out
    assert say("--app", "host:mesh", "start", "acc.straight").code == 0
    refused(say("--app", "host:other", "steps"), "is a int, not a SquidMesh")


def test_colours_only_on_a_terminal_without_no_color(squidmesh: Callable[..., Any]) -> None:
    """An error in a pipe carries no colour codes; with FORCE_COLOR it does, and NO_COLOR wins."""
    assert "\x1b" not in squidmesh("inspect", "xyz").stderr
    assert "\x1b" in squidmesh("inspect", "xyz", FORCE_COLOR="1").stderr
    assert "\x1b[3" not in squidmesh("inspect", "xyz", FORCE_COLOR="1", NO_COLOR="1").stderr


def test_debug_shows_the_traceback(say: Callable[..., Said]) -> None:
    """--debug adds the traceback, which is otherwise never shown."""
    said = say("--debug", "inspect", "xyz")
    assert said.code == 2
    assert "Traceback" in said.err


def test_start_wait_follows_the_run(say: Callable[..., Said], mesh: SquidMesh) -> None:
    """--wait prints the id, then how the run ended, and exits 1 unless it completed."""
    with mesh.worker():
        said = say("start", "acc.straight", "--wait")
        assert (said.code, said.out.splitlines()[1:]) == (0, ["completed"])
        again = say("start", "acc.straight", "--wait", "--json")
        assert json.loads(again.out)["context"] == {"n": 5}
