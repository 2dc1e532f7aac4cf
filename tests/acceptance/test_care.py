"""The care of the database by the command line, in a terminal and as a pipe: doctor, status, prune, completion."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.terminal import in_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Desk, Process

GREEN = "\x1b[32m"


def test_doctor_finds_nothing_wrong_while_a_worker_lives(
    squidmesh: Callable[..., Any],
    worker: Callable[..., Process],
    project: Path,
    environment: dict[str, str],
):
    """As a pipe without colours, in a terminal with them; as JSON for a script; and as a quick probe."""
    queues = [part for name in ("default", "mail") for part in ("--queue", name)]
    process = worker(*queues)
    piped = squidmesh("doctor")
    assert (piped.returncode, piped.stderr) == (0, "")
    assert "✓ tables " in piped.stdout
    assert "0 problems" in piped.stdout
    assert "\x1b" not in piped.stdout
    code, shown = in_terminal("doctor", folder=project, environment=environment)
    assert code == 0
    assert f"{GREEN}✓" in shown
    plain = in_terminal("doctor", folder=project, environment=environment | {"NO_COLOR": "1"})[1]
    assert "✓ tables " in plain
    assert GREEN not in plain
    findings = json.loads(squidmesh("doctor", "--json").stdout)
    assert all(set(finding) == {"check", "verdict", "detail", "remedy"} for finding in findings)
    assert {finding["check"]: finding["verdict"] for finding in findings}["workers"] == "ok"
    probe = squidmesh("doctor", "--live")
    assert probe.returncode == 0
    assert "1 alive on this machine" in probe.stdout
    process.signal(signal.SIGTERM)
    assert process.ended() == 0


def test_doctor_names_each_problem_with_its_remedy(
    squidmesh: Callable[..., Any], project: Path, environment: dict[str, str], desk: Desk
):
    """A broken workflow, tables that are gone, settings that cannot be read: exit 1, and what to do."""
    (project / "workflows" / "broken.yaml").write_text("workflow: acc.broken\n")
    desk.connection.execute("DROP SCHEMA squidmesh CASCADE")
    code, shown = in_terminal("doctor", folder=project, environment=environment)
    assert code == 1
    assert "broken.yaml:1:" in shown
    assert "run 'squidmesh validate'" in shown
    assert "run 'squidmesh db upgrade'" in shown
    settings = squidmesh("doctor", SQUIDMESH_LEASE="soon", SQUIDMESH_MAX_LOSSES="0")
    assert settings.returncode == 1
    assert "SQUIDMESH_LEASE" in settings.stdout
    assert "SQUIDMESH_MAX_LOSSES" in settings.stdout
    down = squidmesh("doctor", "--live", SQUIDMESH_DATABASE_URL="postgresql://u:s3cr3t@127.0.0.1:1/x")
    assert down.returncode == 0
    assert "! database " in down.stdout
    assert "Connection refused" in down.stdout
    down = squidmesh("doctor", SQUIDMESH_DATABASE_URL="postgresql://u:s3cr3t@127.0.0.1:1/x")
    assert down.returncode == 1
    assert "s3cr3t" not in down.stdout + down.stderr
    assert "Traceback" not in down.stderr


def test_status_says_how_the_tables_stand(
    squidmesh: Callable[..., Any], desk: Desk, project: Path, environment: dict[str, str]
):
    """Exit 0 only where they fit; the same facts as JSON; an upgrade puts it right."""
    assert "up to date (version " in squidmesh("db", "status").stdout
    desk.connection.execute("DROP SCHEMA squidmesh CASCADE")
    missing = squidmesh("db", "status", "--json")
    assert (missing.returncode, json.loads(missing.stdout)["state"]) == (1, "missing")
    code, shown = in_terminal("db", "status", folder=project, environment=environment)
    assert code == 1
    assert "run 'squidmesh db upgrade'" in shown
    upgraded = squidmesh("db", "upgrade", "--json")
    assert upgraded.returncode == 0
    assert upgraded.stdout == squidmesh("db", "status", "--json").stdout
    assert json.loads(upgraded.stdout)["state"] == "up_to_date"
    assert squidmesh("db", "upgrade", "--json", "--sql").returncode == 2


def test_old_runs_are_pruned_once_it_is_clear_which(
    squidmesh: Callable[..., Any], mesh: SquidMesh, desk: Desk, project: Path, environment: dict[str, str]
):
    """A dry run counts, the real one deletes as much; without an age it asks for one; open runs stay."""
    done = mesh.start_runs("acc.timer", [{}] * 3)
    for run_id in done:
        mesh.cancel_run(run_id)
    still_open = mesh.start_run("acc.timer")
    assert squidmesh("db", "prune").returncode == 2
    wrong = squidmesh("db", "prune", "--older-than", "a month")
    assert wrong.returncode == 2
    assert "is not a duration" in wrong.stderr
    code, shown = in_terminal("db", "prune", "--older-than", "0s", "--dry-run", folder=project, environment=environment)
    assert code == 0
    assert "would delete 3 runs" in shown
    assert desk.one("SELECT count(*) FROM squidmesh.runs") == 4
    kept = json.loads(squidmesh("db", "prune", "--older-than", "1h", "--json").stdout)
    assert (kept["runs"], kept["dry_run"]) == (0, False)
    pruned = squidmesh("db", "prune", "--older-than", "0s")
    assert pruned.returncode == 0
    assert pruned.stdout.startswith("deleted 3 runs")
    assert desk.ask("SELECT id FROM squidmesh.runs") == [(still_open.id,)]
    assert desk.one("SELECT count(DISTINCT run_id) FROM squidmesh.step_runs") == 1


def test_a_setting_lets_workers_prune(mesh: SquidMesh, worker: Callable[..., Process], until: Callable[..., Any]):
    """``retention`` in the environment of a worker process is enough."""
    for run_id in mesh.start_runs("acc.timer", [{}] * 2):
        mesh.cancel_run(run_id)
    still_open = mesh.start_run("acc.timer")
    worker(SQUIDMESH_RETENTION="1ms")
    until(lambda: [run.id for run in mesh.list_runs()] == [still_open.id])


@pytest.fixture
def complete(project: Path, environment: dict[str, str]) -> Callable[..., list[str]]:
    """Ask what a line may become, as bash does."""

    def complete(*words: str, **variables: str) -> list[str]:
        asked = {
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
            "_SQUIDMESH_COMPLETE": "bash_complete",
        }
        code, shown = in_terminal(folder=project, environment=environment | asked | variables)
        assert code == 0
        return [line.removeprefix("plain,") for line in shown.splitlines() if line]

    return complete


def test_commands_workflows_and_runs_complete(complete: Callable[..., list[str]], mesh: SquidMesh):
    """Run ids by what the command can do with them, the newest first; by their beginning, too."""
    cancelled, waiting = mesh.start_run("acc.timer"), mesh.start_run("acc.timer")
    mesh.cancel_run(cancelled.id)
    assert complete("squidmesh", "expl") == ["explain"]
    assert complete("squidmesh", "start", "acc.tim") == ["acc.timed", "acc.timer"]
    assert complete("squidmesh", "inspect", "") == [str(waiting.id), str(cancelled.id)]
    assert complete("squidmesh", "inspect", str(waiting.id)[:30]) == [str(waiting.id)]
    assert complete("squidmesh", "cancel", "") == [str(waiting.id)]
    assert complete("squidmesh", "replay", "") == [str(cancelled.id)]
    assert complete("squidmesh", "approve", "") == []
    assert complete("squidmesh", "inspect", "no-id") == []


def test_completion_is_silent_where_there_is_no_database(complete: Callable[..., list[str]]):
    """Nothing is written into the line that somebody types: nobody there, no tables, settings that are wrong."""
    for url in ("postgresql://u@127.0.0.1:1/x", "mysql://u@h/x", ""):
        assert complete("squidmesh", "inspect", "0", SQUIDMESH_DATABASE_URL=url) == []
    assert complete("squidmesh", "start", "", SQUIDMESH_LEASE="soon") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(squidmesh: Callable[..., Any], shell: str):
    """It asks the program by the variable that click listens to."""
    printed = squidmesh("completion", shell)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert f"_SQUIDMESH_COMPLETE={shell}_complete" in printed.stdout


def test_completing_a_run_loads_neither_sqlalchemy_nor_huey(environment: dict[str, str]):
    """Somebody waits for a key."""
    code = (
        "import sys; from squidmesh.runtime.recent import complete_run_id;"
        "complete_run_id(sys.argv[1], 'squidmesh', '');"
        "print(sorted({'sqlalchemy', 'huey', 'alembic', 'rich'} & set(sys.modules)))"
    )
    asked = [sys.executable, "-c", code, environment["SQUIDMESH_DATABASE_URL"]]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "[]\n"
