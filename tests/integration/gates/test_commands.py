"""The commands that decide: ``approve``, ``reject``, ``unblock``, and ``try`` at a gate."""

from __future__ import annotations

import io
import json
import logging
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import pytest

from squidmesh.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

APPROVAL = """
steps:
  review: {approval: {title: Ship it?}, output: review, next: {ok: complete, error: fail}}
"""
DECIDED = """
steps:
  load: {uses: http.request, with: {url: "http://127.0.0.1:1/"}, next: review}
  review: {approval: {}, output: review, next: {ok: tell, error: fail}}
  tell: {log: {message: shipped}, next: complete}
"""
TWO_GATES = """
steps:
  left: {approval: {}, output: left}
  right: {pause: {}, output: right}
"""


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def say(
    stage: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Said]]:
    """Run a command in this process; it finds the stage's database, and ``ada`` at the keyboard."""
    logger = logging.getLogger("squidmesh")
    level = logger.level  # a trial silences it
    monkeypatch.chdir(stage.folder)
    monkeypatch.setenv("SQUIDMESH_DATABASE_URL", stage.url)
    monkeypatch.setenv("SQUIDMESH_ACTOR", "ada")

    def run(*arguments: Any, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Said(int(ended.value.code or 0), captured.out, captured.err)

    yield run
    logger.setLevel(level)


def test_approving_and_rejecting(stage: Any, say: Callable[..., Said]) -> None:
    """A run is decided by its id; the actor is that of the variable, or the one named."""
    mesh = stage.mesh(APPROVAL)
    first, second = stage.paused(mesh), stage.paused(mesh)
    said = say("approve", first.id, "--comment", "fine", "--metadata", '{"ticket": 7}')
    assert (said.code, said.out) == (0, f"{first.id}: approved; the run is completed\n")
    review = mesh.inspect_run(first.id).context["review"]
    assert (review["actor"], review["comment"], review["metadata"]) == ("ada", "fine", {"ticket": 7})
    events = say("inspect", first.id, "--history").out.partition("events\n")[2].splitlines()
    assert [line.split()[3:] for line in events] == [["paused", "review"], ["approved", "review", "ada", "fine"]]
    said = say("reject", second.id, "--actor", "bob", "--json")
    (report,) = json.loads(said.out)
    assert (said.code, report["ok"], report["result"]["status"]) == (0, True, "failed")
    assert mesh.inspect_run(second.id).context["review"]["actor"] == "bob"


def test_deciding_about_several(stage: Any, say: Callable[..., Said]) -> None:
    """Ids come as arguments or on standard input; each run is reported, and one that refuses is exit code 1."""
    mesh = stage.mesh(APPROVAL)
    runs = [stage.paused(mesh) for _ in range(3)]
    assert say("approve", runs[0].id, runs[1].id).code == 2  # nobody can be asked, and --yes is missing
    said = say("approve", "-", "--yes", stdin=f"{runs[0].id}\n{runs[1].id}\n")
    assert (said.code, said.out.count("approved; the run is completed")) == (0, 2)
    said = say("reject", runs[1].id, runs[2].id, "--yes")
    assert (said.code, said.out) == (1, f"{runs[2].id}: rejected; the run is failed\n")
    assert f"{runs[1].id}: refused: run {runs[1].id} is not paused: step 'review' was approved by ada at" in said.err


def test_rehearsing_decides_nothing(stage: Any, say: Callable[..., Said]) -> None:
    """``--dry-run`` says of each run whether it would take the decision, and asks nobody."""
    mesh = stage.mesh(TWO_GATES)
    run = stage.paused(mesh)
    said = say("approve", run.id, "--step", "left", "--dry-run")
    assert (said.code, said.out) == (
        0,
        f"{run.id}: would be approved (it is paused: paused_for_approval at step left)\n",
    )
    assert say("unblock", run.id, "--step", "right", "--dry-run").code == 0
    for arguments in (
        ("unblock", "--step", "left"),
        ("approve", "--step", "right"),
        ("approve", "--step", "up"),
        ("unblock", "--retry"),
    ):
        assert say(*arguments, run.id, "--dry-run").code == say(*arguments, run.id).code == 1
    (report,) = json.loads(say("wake", run.id, "--dry-run", "--json").out)
    assert (report["ok"], report["error"]["type"]) == (False, "InvalidTransition")
    commands = {item["command"] for item in report["error"]["possible"]}
    assert {f"squidmesh approve {run.id} --step left", f"squidmesh unblock {run.id} --step right"} < commands
    assert mesh.inspect_run(run.id).status == "paused"


def test_unblocking_a_step(stage: Any, say: Callable[..., Said]) -> None:
    """``--step`` names the one that is meant; the wrong action is refused with the right one."""
    mesh = stage.mesh(TWO_GATES)
    run = stage.paused(mesh)
    assert "it waits for: approve_run(step='left')" in say("unblock", run.id, "--step", "left").err
    assert say("unblock", run.id, "--retry").code == 1
    assert say("unblock", run.id, "--step", "right").out == f"{run.id}: unblocked; the run is paused\n"
    assert say("approve", run.id).out == f"{run.id}: approved; the run is completed\n"


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_metadata_is_a_json_object(say: Callable[..., Said], text: str) -> None:
    """Anything else is a wrong call."""
    said = say("approve", "019b76da-a800-7000-8000-000000000001", "--metadata", text)
    assert (said.code, "--metadata" in said.err) == (2, True)


def write(stage: Any, text: str) -> str:
    """Write a workflow file and return its path."""
    stage.mesh(text)
    return str(stage.folder / "0" / "workflow.yaml")


def test_a_trial_takes_decisions(stage: Any, say: Callable[..., Said]) -> None:
    """``--decide`` answers at each gate, and the run goes on to its end."""
    file = write(stage, TWO_GATES)
    said = say("try", file, "--database", stage.url, "--decide", "left=approve", "--decide", "right=unblock")
    assert said.code == 0, said.out + said.err
    assert "‖ left   paused" in said.out
    assert "this run completed" in said.out
    assert say("try", write_again(file, APPROVAL), "--database", stage.url, "--decide", "review=reject").code == 1


def write_again(file: str, text: str) -> str:
    """Replace the steps of a workflow file."""
    from pathlib import Path  # noqa: PLC0415 - beside its use

    path = Path(file)
    path.write_text(path.read_text().split("steps:")[0] + text)
    return file


def test_a_trial_that_nobody_answers_is_left_paused(stage: Any, say: Callable[..., Said]) -> None:
    """Without a terminal it ends with exit code 0 and the commands that go on, each of which is accepted."""
    said = say("try", write(stage, TWO_GATES), "--database", stage.url)
    assert said.code == 0
    commands = [shlex.split(line) for line in said.out.splitlines() if line.startswith("  squidmesh ")]
    verbs = {(command[1], command[command.index("--step") + 1]) for command in commands if "--step" in command}
    assert verbs == {("approve", "left"), ("reject", "left"), ("unblock", "right")}
    approve, *_ = commands
    assert say(*approve[1:]).code == 0
    (unblock,) = (command for command in commands if command[1] == "unblock")
    assert say(*unblock[1:]).out.endswith("unblocked; the run is completed\n")
    assert commands[-1][1:3] == ["run", "--burst"]


def test_a_trial_asks_on_a_terminal(stage: Any, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody at a terminal is asked by the gate's title, and may leave it for later."""
    asked: list[tuple[str, list[str]]] = []
    answers = iter(["leave", "approve"])

    def prompt(text: str, *, type: click.Choice[str], **_: Any) -> str:  # noqa: A002 - click's name
        asked.append((text, list(type.choices)))
        return next(answers)

    monkeypatch.setattr("squidmesh.cli.gates.on_terminal", lambda: True)
    monkeypatch.setattr(click, "prompt", prompt)
    file = write(stage, APPROVAL)
    assert "to go on" in say("try", file, "--database", stage.url).out
    assert "this run completed" in say("try", file, "--database", stage.url).out
    assert asked == [("Ship it?", ["approve", "reject", "leave"])] * 2


def test_a_trial_asks_about_one_gate_at_a_time(
    stage: Any, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a pause and an approval wait, each question offers what that gate takes."""
    asked: dict[str, list[str]] = {}

    def prompt(text: str, *, type: click.Choice[str], **_: Any) -> str:  # noqa: A002 - click's name
        asked[text] = list(type.choices)
        return str(type.choices[0])

    monkeypatch.setattr("squidmesh.cli.gates.on_terminal", lambda: True)
    monkeypatch.setattr(click, "prompt", prompt)
    assert "this run completed" in say("try", write(stage, TWO_GATES), "--database", stage.url).out
    assert asked == {"step left waits": ["approve", "reject", "leave"], "step right waits": ["unblock", "leave"]}


@pytest.mark.parametrize(
    ("decision", "problem"),
    [
        ("revue=approve", "there is no step 'revue' (did you mean 'review'?)"),
        ("review=agree", "write STEP=approve"),
        ("review=unblock", "'review=unblock': step 'review' takes approve or reject"),
        ("load=approve", "'load=approve': step 'load' takes unblock"),
        ("tell=reject", "'tell=reject': step 'tell' never waits for a person"),
    ],
)
def test_a_decision_that_means_nothing_is_refused(
    stage: Any, say: Callable[..., Said], decision: str, problem: str
) -> None:
    """A misspelt step or verb, or one that the step never waits for, is a wrong call, before anything runs."""
    said = say("try", write(stage, DECIDED), "--database", stage.url, "--decide", decision)
    assert (said.code, problem in said.err) == (2, True)
    assert stage.execute("SELECT count(*) FROM squidmesh.runs") == [(0,)]


def test_a_callable_that_may_be_interrupted_takes_a_decision(stage: Any, say: Callable[..., Said]) -> None:
    """It waits for a person only if it was; a decision that was not needed changes nothing."""
    options = ("--stub", "all", "--decide", "load=unblock", "--decide", "review=approve")
    said = say("try", write(stage, DECIDED), "--database", stage.url, *options)
    assert said.code == 0, said.out + said.err
