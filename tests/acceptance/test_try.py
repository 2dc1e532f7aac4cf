"""``squidmesh try``: one workflow, here and now, on a private database that it makes."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from squidmesh.authoring.lint import lint_text
from squidmesh.cli import trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Desk

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="others run the server themselves")
NOBODY = "019b76da-a800-7000-8000-000000000001"
HELLO = """
workflow: hello
triggers:
  go:
    manual: {}
    payload:
      who: {type: string, default: world}
steps:
  greet: {log: {message: hello}, next: rest}
  rest: {wait: 1h, next: fetch}
  fetch: {uses: shop.fetch, input: [who], next: {ok: bye, error: sorry}}
  bye: {log: {message: bye}, next: complete}
  sorry: {log: {message: sorry}, next: fail}
"""


@pytest.fixture(params=["plain", "with a space"])
def empty(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder that every user can enter (root's servers run as another)."""
    base = Path(tempfile.mkdtemp(prefix="squidmesh-try-"))
    base.chmod(0o755)
    folder = base / request.param
    folder.mkdir()
    yield folder
    shutil.rmtree(base)


def test_an_empty_folder_gets_a_private_database(empty: Path, squidmesh: Callable[..., Any]) -> None:
    """It makes .squidmesh/ and says so, shows each step, passes over waits; other commands then use it too."""
    (empty / "hello.yaml").write_text(HELLO)

    def run(*arguments: str) -> Any:
        return squidmesh(*arguments, folder=empty, without="SQUIDMESH_DATABASE_URL")

    tried = run("try", "hello.yaml", "--stub", 'fetch={"found": 3}', "--stub", "all", "--payload", "who=you")
    assert (tried.returncode, tried.stderr) == (0, "")
    assert "made a private PostgreSQL in .squidmesh/ (delete the folder to be rid of it)" in tried.stdout
    shown = [line.split()[:3] for line in tried.stdout.splitlines() if line.startswith("  ✓")]
    assert shown == [["✓", name, "completed"] for name in ("greet", "rest", "fetch", "bye")]
    assert "of waiting passed over (--real-time waits)" in tried.stdout
    assert "found  3" in tried.stdout
    assert [line for line in tried.stdout.splitlines() if line != line.rstrip()] == []
    assert sorted(item.name for item in empty.iterdir()) == [".squidmesh", "hello.yaml"]

    more = tried.stdout.splitlines()[-1].removeprefix("more: squidmesh ").split()
    inspected = run(*more)
    assert inspected.returncode == 0, inspected.stderr
    assert "completed" in inspected.stdout

    again = run("try", "hello.yaml", "--stub", "all")
    assert "made a private" not in again.stdout


@as_root
def test_data_that_lie_elsewhere_are_said_to(empty: Path, squidmesh: Callable[..., Any]) -> None:
    """Below a folder of root's own they are where the server's user can reach them: both folders are named."""
    empty.chmod(0o700)
    (empty / "hello.yaml").write_text(HELLO)
    tried = squidmesh("try", "hello.yaml", "--stub", "all", folder=empty)
    home = (empty / ".squidmesh" / "postgres").resolve()
    shutil.rmtree(home)
    assert (tried.returncode, tried.stderr) == (0, "")
    said = f"made a private PostgreSQL in .squidmesh/, its data in {home} (delete both to be rid of it)"
    assert said in tried.stdout.splitlines()


def test_a_file_in_the_place_of_the_folder_is_named(empty: Path, squidmesh: Callable[..., Any]) -> None:
    """One message, and nothing is said to be made."""
    (empty / "hello.yaml").write_text(HELLO)
    (empty / ".squidmesh").touch()
    tried = squidmesh("try", "hello.yaml", "--stub", "all", folder=empty)
    assert (tried.returncode, tried.stdout) == (2, "")
    told = f"error: the embedded database needs a folder, and {empty}/.squidmesh is none: move it"
    assert " ".join(tried.stderr.split()) == told
    assert sorted(item.name for item in empty.iterdir()) == [".squidmesh", "hello.yaml"]


def test_the_commands_that_follow_find_the_private_database(empty: Path, squidmesh: Callable[..., Any]) -> None:
    """Also in a project whose settings name another database."""
    (empty / "hello.yaml").write_text(HELLO)
    tried = squidmesh("try", "hello.yaml", "--stub", "all", folder=empty)
    assert tried.returncode == 0, tried.stderr
    more = shlex.split(tried.stdout.splitlines()[-1])
    assert more[:3] == ["more:", "squidmesh", "inspect"]
    inspected = squidmesh(*more[2:], folder=empty)
    assert inspected.returncode == 0, inspected.stderr
    assert "hello" in inspected.stdout


def test_a_mistyped_path_makes_no_database(empty: Path, squidmesh: Callable[..., Any]) -> None:
    """Only what makes tables makes an embedded database, and says where; any other command names the path it missed."""
    place = empty / "here"
    for command in (("runs",), ("run", "--burst"), ("inspect", NOBODY), ("queues", "pause", "mail"), ("db", "status")):
        said = squidmesh(*command, "--database", f"embedded:{place}", folder=empty, SQUIDMESH_ACTOR="ada")
        assert (said.returncode, said.stdout) == (2, ""), command
        assert said.stderr.startswith(f"error: there is no embedded database in {place}: correct the path, or make one")
        assert "squidmesh db upgrade" in said.stderr
    examined = squidmesh("doctor", SQUIDMESH_DATABASE_URL=f"embedded:{place}", folder=empty)
    assert examined.returncode == 1
    assert f"✗ database    there is no embedded database in {place}" in examined.stdout
    assert [*empty.iterdir()] == []
    made = squidmesh("db", "upgrade", "--database", f"embedded:{place}", folder=empty)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(f"a private PostgreSQL is kept in {place}\n")
    assert squidmesh("runs", "--database", f"embedded:{place}", folder=empty).returncode == 0


def test_a_wrong_payload_makes_no_database(empty: Path, squidmesh: Callable[..., Any]) -> None:
    """What is wrong with the payload is said before anything is made for it."""
    trigger = "{go: {manual: {}, payload: {n: {type: integer}}}}"
    (empty / "counting.yaml").write_text(
        f"workflow: a.b\ntriggers: {trigger}\nsteps: {{say: {{log: {{message: x}}}}}}\n"
    )
    for given, said in (("n=seven", "n: expected integer"), ("m=1", "n: is required; m: is not declared")):
        tried = squidmesh("try", "counting.yaml", "--payload", given, folder=empty)
        assert (tried.returncode, tried.stdout) == (2, "")
        assert tried.stderr.startswith(f"error: invalid payload: {said}")
    assert [path.name for path in empty.iterdir()] == ["counting.yaml"]


def test_a_run_that_fails_exits_1(squidmesh: Callable[..., Any], project: Path, database_url: str) -> None:
    """On a given database nothing private is made; a failed run is explained and exits 1."""
    (project / "hello.yaml").write_text(HELLO.replace("shop.fetch", "acc.fail"))
    tried = squidmesh("try", "hello.yaml", "--database", database_url)
    assert (tried.returncode, tried.stderr) == (1, "")
    assert "✗ fetch" in tried.stdout
    assert "unknown_invoice: no such invoice" in tried.stdout
    assert "this run failed: a step failed for good" in tried.stdout
    assert not (project / ".squidmesh").exists()


def test_an_unreachable_database_is_one_message(squidmesh: Callable[..., Any], project: Path) -> None:
    """A given database that cannot be reached ends try with exit 2 and without its password."""
    tried = squidmesh("try", "workflows/straight.yaml", "--database", "postgresql://a:sekret@127.0.0.1:1/shop")
    assert (tried.returncode, tried.stdout) == (2, "")
    assert tried.stderr.startswith("error: the database is not available")
    assert "sekret" not in tried.stderr


def test_a_step_that_times_out_is_shown(squidmesh: Callable[..., Any], database_url: str) -> None:
    """The time-out of a step whose thread goes on is shown like any failure, and its retry is not waited for."""
    tried = squidmesh(
        "try", "workflows/timed.yaml", "--payload", "seconds=1.5", "--database", database_url, SQUIDMESH_LEASE="10m"
    )
    assert tried.returncode == 0, tried.stderr
    assert "↻ nap" in tried.stdout
    assert "✗ nap   failed: step_timed_out: the step did not end within 300ms" in tried.stdout
    assert "✓ late  completed" in tried.stdout


SAGA = """
workflow: t.saga
queue: sagas
triggers: {by_hand: {manual: {}}}
steps:
  charge: {uses: acc.note, compensate: acc.undo, next: ask}
  ask: {approval: {}, next: {ok: complete, error: fail}}
on_failure: {uses: acc.tell}
"""


def test_what_is_answered_for_is_not_undone_in_earnest(
    squidmesh: Callable[..., Any], project: Path, database_url: str, desk: Desk
) -> None:
    """With every step stubbed nothing is called: neither what undoes a step nor what tells of the failure."""
    (project / "saga.yaml").write_text(SAGA)
    options = ("--database", database_url, "--decide", "ask=reject")
    tried = squidmesh("try", "saga.yaml", "--stub", "all", *options)
    assert tried.returncode == 1, tried.stderr
    shown = [line.split()[1:] for line in tried.stdout.splitlines() if "(stub)" in line]
    assert [" ".join(word for word in line if not word[0].isdigit() and word != "ms") for line in shown] == [
        "charge completed (stub)",
        "charge (compensation) completed (stub)",
        "on_failure (on failure) completed (stub)",
    ]
    assert desk.noted() == []
    (project / "saga.yaml").write_text(SAGA.replace("acc.undo", "acc.note").replace("acc.tell", "acc.note"))
    tried = squidmesh("try", "saga.yaml", *options)
    assert (tried.returncode, len(desk.noted())) == (1, 3), tried.stderr


def test_what_comes_due_by_itself_is_not_passed_over(
    squidmesh: Callable[..., Any], project: Path, database_url: str
) -> None:
    """A wait that ends while the run is looked at: the run goes on, whoever was first."""
    steps = "".join(f"  s{n}: {{wait: {56 + n}ms, next: s{n + 1}}}\n" for n in range(50))
    (project / "waits.yaml").write_text(
        "workflow: t.waits\ntriggers: {by_hand: {manual: {}}}\nsteps:\n"
        + steps
        + "  s50: {log: {message: over}, next: complete}\n"
    )
    tried = squidmesh("try", "waits.yaml", "--database", database_url)
    assert (tried.returncode, tried.stderr) == (0, "")
    assert "✓ s50" in tried.stdout


def test_a_deadline_that_passes_while_somebody_thinks_is_told(
    mesh: SquidMesh, project: Path, monkeypatch: pytest.MonkeyPatch, until: Callable[..., Any]
) -> None:
    """The answer comes too late: it is refused, and the run goes on as its file says."""
    gate = project / "gate.yaml"
    gate.write_text(
        "workflow: t.gate\ntriggers: {by_hand: {manual: {}}}\nsteps:\n"
        "  ask: {approval: {deadline: 100ms, on_deadline: approve}, next: {ok: complete, error: fail}}\n"
    )
    workflow = lint_text(gate.read_bytes(), str(gate)).workflow
    assert workflow is not None
    mesh.use_workflow(workflow)

    def think(*_: Any) -> tuple[str, str]:
        (run,) = mesh.list_runs(workflow="t.gate")
        until(lambda: mesh.inspect_run(run.id).status == "completed")
        return "ask", "reject"

    monkeypatch.setattr(trial, "choose", think)
    said = io.StringIO()
    tried = trial.Trial(Console(file=said, width=200), mesh, workflow, {}, decisions={}, real_time=True)
    assert tried.run({}, None).status == "completed"
    assert "the deadline of step 'ask' passed" in said.getvalue()
