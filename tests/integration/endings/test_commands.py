"""The operator's commands: cancel, wake and replay, on several runs at once."""

from __future__ import annotations

import io
import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.cli import acting
from squidmesh.cli.main import main
from squidmesh.model.identity import new_id
from tests.integration.endings.conftest import wait_for_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh import SquidMesh

LATER = """
    workflow: t.later
    triggers: {go: {manual: {}}}
    steps:
      long: {wait: 1d, next: say}
      say: {log: {message: done}, next: complete}
"""


@pytest.fixture
def mesh(make_mesh: Callable[..., SquidMesh]) -> SquidMesh:
    """A mesh with a run that only waits."""
    return make_mesh(LATER)


@pytest.fixture
def cli(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in a project with that workflow; return its exit code, output and messages."""
    (tmp_path / "later.yaml").write_text(textwrap.dedent(LATER))
    (tmp_path / "squidmesh.toml").write_text('[tool.squidmesh]\nworkflows = ["later.yaml"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQUIDMESH_DATABASE_URL", database_url)
    monkeypatch.setenv("SQUIDMESH_ACTOR", "ada")

    def run(*arguments: object, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, captured.out, captured.err

    return run


def test_each_run_is_reported(mesh: SquidMesh, cli: Callable[..., tuple[int, str, str]]) -> None:
    """One refusal does not keep the other runs from being cancelled, and makes the exit code 1."""
    first, second = mesh.start_run("t.later"), mesh.start_run("t.later")
    unknown = new_id()
    code, out, err = cli("cancel", first.id, unknown, second.id, "--yes", "--reason", "wrong day")
    assert code == 1
    assert out.splitlines() == [f"{first.id}: is cancelled", f"{second.id}: is cancelled"]
    assert f"{unknown}: refused: no run has the id" in err
    (event,) = mesh.inspect_run(second.id, include_history=True).audit_events or ()
    assert (event.actor, event.comment) == ("ada", "wrong day")


def test_ids_come_from_standard_input(mesh: SquidMesh, cli: Callable[..., tuple[int, str, str]]) -> None:
    """``-`` reads ids, one a line or not, each taken once; ``--json`` reports them as data."""
    ids = [str(id_) for id_ in mesh.start_runs("t.later", [{}, {}])]
    code, out, _ = cli("wake", "-", "--json", "--actor", "bob", stdin=f"{ids[0]}\n{ids[1]} {ids[0]}\n")
    assert code == 0
    reports = json.loads(out)
    assert [(report["run_id"], report["ok"], list(report["result"])) for report in reports] == [
        (id_, True, ["long"]) for id_ in ids
    ]
    (event,) = mesh.inspect_run(ids[0], include_history=True).audit_events or ()
    assert event.actor == "bob"
    code, out, _ = cli("wake", ids[0], "--json")
    assert code == 1
    assert json.loads(out)[0]["error"]["type"] == "InvalidTransition"


def test_replay_prints_the_new_run(mesh: SquidMesh, cli: Callable[..., tuple[int, str, str]]) -> None:
    """The options are those of ``replay_run``, and the new run's id is what is printed."""
    run = mesh.start_run("t.later")
    mesh.cancel_run(run.id)
    code, out, _ = cli("replay", run.id, "--yes", "--from", "long")
    assert code == 0
    new = mesh.inspect_run(out.split()[-1])
    assert new.replayed_from == run.id
    code, _, err = cli("replay", run.id, "--yes", "--from", "lnog")
    assert code == 1
    assert "did you mean 'long'?" in err
    code, out, _ = cli("replay", run.id, "--yes", "--original", "--json")
    assert (code, json.loads(out)[0]["result"]["replayed_from"]) == (0, str(run.id))


def test_what_is_wrong_for_all_ends_the_command(
    mesh: SquidMesh, cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that is no id, nobody to answer, nobody who acts: exit code 2, and nothing is done to any run."""
    run = mesh.start_run("t.later")
    for arguments, said in (
        (("cancel", run.id, "nonsense", "--yes"), "'nonsense' is not a run id"),
        (("cancel", run.id), "give --yes"),
        (("cancel", "-", "--yes"), "holds no run id"),
        (("cancel", run.id, "--yes", "--database", "postgresql://postgres@127.0.0.1:1/x"), "not available"),
    ):
        code, _, err = cli(*arguments)
        assert (code, said in err) == (2, True), err
    monkeypatch.delenv("SQUIDMESH_ACTOR")
    monkeypatch.setattr("os.getuid", lambda: 0)
    code, _, err = cli("cancel", run.id, "--yes")
    assert code == 2
    assert "root is nobody in particular: give --actor NAME or set SQUIDMESH_ACTOR" in err
    assert mesh.inspect_run(run.id).status == "pending"


def test_a_person_is_asked(
    mesh: SquidMesh, cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the command asks first; a no leaves the run as it is."""
    run = mesh.start_run("t.later")
    monkeypatch.setattr(acting, "_is_terminal", lambda: True)
    code, _, err = cli("cancel", run.id, stdin="n\n")
    assert code == 130
    assert f"Cancel {run.id}?" in err
    assert mesh.inspect_run(run.id).status == "pending"
    assert cli("cancel", run.id, stdin="y\n")[0] == 0
    assert mesh.inspect_run(run.id).status == "cancelled"


def test_the_named_actions_are_accepted(mesh: SquidMesh) -> None:
    """Each next action that explain names works when it is called, along the life of a run."""
    calls: dict[str, Callable[[Any], object]] = {
        "cancel_run": mesh.cancel_run,
        "wake_run": mesh.wake_run,
        "replay_run": mesh.replay_run,
        "wait": mesh.inspect_run,
    }
    run = mesh.start_run("t.later")
    explained = mesh.explain_run(run.id)
    assert explained.next_actions == ("wait", "wake_run", "cancel_run")
    for action in explained.next_actions:
        calls[action](run.id)
    assert mesh.inspect_run(run.id).status == "cancelled"
    explained = mesh.explain_run(run.id)
    assert explained.next_actions == ("replay_run",)
    replayed = mesh.replay_run(run.id)
    mesh.wake_run(replayed.id)
    assert "wake_run" not in mesh.explain_run(replayed.id).next_actions
    with mesh.worker():
        wait_for_status(mesh, replayed.id, "completed")
    assert mesh.explain_run(replayed.id).next_actions == ("replay_run",)
