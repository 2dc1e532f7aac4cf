"""What an operator does, with nothing but the commands' own words: in a terminal, and through pipes."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from squidmesh.authoring.schema_file import OUTPUT_FILE_NAME, schema_text
from tests.acceptance.commands import commands
from tests.acceptance.terminal import run_in_terminal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh import SquidMesh
    from tests.acceptance.conftest import Process

SHOP = """\
workflow: shop.order
triggers:
  by_hand:
    manual: {}
    payload: {amount: {type: integer, default: 5}, customer: {type: string, default: "7"}}
steps:
  load: {uses: acc.note, next: review}
  review: {approval: {title: Ship it?}, output: review, next: {ok: ship, error: fail}}
  ship: {uses: acc.note, next: complete}
"""
LATER = """\
workflow: shop.later
triggers:
  by_hand: {manual: {}}
  nightly: {cron: "0 3 * * *", timezone: UTC}
steps:
  nap: {wait: 1d, next: complete}
"""
BROKEN = """\
workflow: shop.broken
triggers: {by_hand: {manual: {}}}
steps:
  look_up: {uses: acc.fail, next: complete}
"""
RUN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]+")
_COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
_SCHEMA = json.loads(schema_text(OUTPUT_FILE_NAME))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    text: str


class Office:
    """Where an operator sits: a project with runs in several states, and a way to give commands."""

    def __init__(self, folder: Path, environment: dict[str, str], mesh: SquidMesh) -> None:
        self.mesh = mesh
        self.folder = folder
        self.environment = environment | {"SQUIDMESH_ACTOR": "ada"}
        self.in_terminal = False
        for name, text in (("shop", SHOP), ("later", LATER), ("broken", BROKEN)):
            (folder / "workflows" / f"{name}.yaml").write_text(text)

    def say(self, *arguments: str, answers: dict[str, str] | None = None, stdin: str = "", columns: int = 100) -> Said:
        """Give a command, in the terminal (where questions are answered) or through pipes (with ``--yes``)."""
        if self.in_terminal:
            shown = run_in_terminal(
                arguments, folder=self.folder, environment=self.environment, answers=answers, columns=columns
            )
            return Said(code=shown.code, text=shown.text)
        done = self.pipe(*arguments, *(["--yes"] if answers else []), stdin=stdin)
        return Said(code=done.returncode, text=done.stdout + done.stderr)

    def pipe(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Give a command through pipes."""
        return commands().run(arguments, folder=self.folder, environment=self.environment, stdin=stdin)

    def data(self, *arguments: str, command: str | None = None) -> Any:
        """Return what a command prints with ``--json``, checked against its schema."""
        done = self.pipe(*arguments, "--json")
        printed = json.loads(done.stdout)
        check(command or arguments[0], printed)
        return printed

    def start(self, workflow: str) -> str:
        """Start a run and return its id."""
        return str(self.mesh.start_run(workflow).id)

    def reason(self, run_id: str) -> str:
        """Return why a run is where it is."""
        return self.mesh.explain_run(run_id).reason

    def proposed(self, shown: str, verb: str) -> list[str]:
        """Return the arguments of the command with a verb that an explanation proposes, as somebody would paste it."""
        lines = [shlex.split(line) for line in shown.splitlines() if line.strip().startswith("squidmesh ")]
        return next(line[1:] for line in lines if line[1] == verb)


def check(command: str, printed: Any) -> None:
    """Check data against the schema of a command's output."""
    Draft7Validator({**_SCHEMA, **_wrapped(_SCHEMA["commands"][command])}).validate(printed)


def _wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that stands beside definitions: next to ``$ref`` nothing else would count."""
    return {"allOf": [schema]}


@pytest.fixture
def quiet_office(project: Path, environment: dict[str, str], mesh: SquidMesh) -> Office:
    """An office where nothing runs."""
    return Office(project, environment, mesh)


@pytest.fixture
def office(quiet_office: Office, worker: Callable[..., Process], until: Callable[..., Any]) -> Office:
    """An office with a worker, and a run that waits for approval, one that waits for a day, and one that failed."""
    office = quiet_office
    worker()
    office.waiting, office.sleeping, office.failed = map(office.start, ("shop.order", "shop.later", "shop.broken"))
    for run_id, reason in (
        (office.waiting, "paused_for_approval"),
        (office.sleeping, "waiting_for_timer"),
        (office.failed, "step_failed"),
    ):
        until(lambda run_id=run_id, reason=reason: office.reason(run_id) == reason)
    return office


@pytest.fixture(params=["terminal", "pipe"])
def desk_of(request: pytest.FixtureRequest, office: Office) -> Office:
    """The office, once with a terminal and once with pipes."""
    office.in_terminal = request.param == "terminal"
    return office


def test_an_operators_day(desk_of: Office, until: Callable[..., Any]) -> None:
    """Find a stuck run, learn why, approve it; cancel another, replay a failed one, pause a schedule."""
    office = desk_of
    listed = office.say("runs", "--status", "paused").text
    assert "paused_for_approval review" in listed
    (found,) = RUN_ID.findall(listed)
    assert office.waiting.startswith(found)
    why = office.say("explain", found).text
    assert "this run waits for somebody to approve or reject it (step review)" in why
    assert "Ship it?" in why
    approved = office.say(*office.proposed(why, "approve"))
    assert approved.code == 0
    until(lambda: office.reason(office.waiting) == "completed")

    why = office.say("explain", office.sleeping).text
    assert "waits for a timer" in why
    said = office.say(*office.proposed(why, "cancel"), answers={"[y/N]": "y"})
    assert (said.code, f"{office.sleeping}: is cancelled" in said.text) == (0, True)

    (found,) = RUN_ID.findall(office.say("runs", "--status", "failed").text)
    why = office.say("explain", found).text
    assert "unknown_invoice: no such invoice" in why
    said = office.say(*office.proposed(why, "replay"), answers={"[y/N]": "y"})
    assert said.code == 0
    new = RUN_ID.findall(said.text)[-1]
    assert office.data("inspect", new)["replayed_from"] == office.failed

    assert "nightly" in office.say("schedules").text
    assert office.say("schedules", "pause", "shop.later", "nightly").code == 0
    assert "paused by ada" in next(line for line in office.say("schedules").text.splitlines() if "shop.later" in line)


def test_many_runs_at_once(office: Office) -> None:
    """The ids of a list are piped into an action: rehearsed first, then done, with a report for each run."""
    more = [office.start("shop.later") for _ in range(3)]
    ids = office.pipe("runs", "--workflow", "shop.later", "--ids").stdout
    assert set(ids.split()) == {office.sleeping, *more}
    rehearsed = office.pipe("cancel", "-", "--dry-run", stdin=ids)
    assert rehearsed.returncode == 0
    assert rehearsed.stdout.count("would be cancelled (it is ") == 4
    assert office.reason(more[0]) == "waiting_for_timer"
    reports = json.loads(office.pipe("cancel", "-", office.failed, "--yes", "--json", stdin=ids).stdout)
    check("cancel", reports)
    assert [report["ok"] for report in reports] == [True] * 4 + [False]
    assert reports[-1]["error"]["possible"][0]["command"] == f"squidmesh replay {office.failed}"
    again = office.pipe("cancel", "-", "--yes", stdin=ids)
    assert (again.returncode, again.stdout) == (1, "")
    assert "0 of 4 done, 4 refused" in again.stderr
    assert office.pipe("cancel", "-", "--dry-run", stdin=ids).returncode == 1


def test_a_rehearsed_replay_is_refused_as_the_real_one(office: Office) -> None:
    """No such step, a run that has not ended: the same words, exit 1; what would be accepted starts nothing."""
    for arguments in (("replay", office.failed, "--from", "look"), ("replay", office.sleeping)):
        rehearsed, real = office.pipe(*arguments, "--dry-run"), office.pipe(*arguments, "--yes")
        assert (rehearsed.returncode, rehearsed.stdout) == (real.returncode, real.stdout) == (1, "")
        assert "refused: " in rehearsed.stderr
        assert rehearsed.stderr == real.stderr
    rehearsed = office.pipe("replay", office.failed, "--dry-run", "--from", "failed")
    assert (rehearsed.returncode, rehearsed.stderr) == (0, "")
    assert "would be replayed (it is failed: step_failed at step look_up)" in rehearsed.stdout
    assert len(office.mesh.list_runs()) == 3


def test_who_held_a_schedule_is_kept(office: Office) -> None:
    """The first who paused it, with the reason, until somebody resumes it; of nobody in particular nothing is taken."""
    name = ("shop.later", "nightly")
    assert office.pipe("schedules", "pause", *name, "--comment", "until the audit").returncode == 0
    said = office.pipe("schedules", "pause", *name, "--actor", "bob").stdout
    assert said.startswith("shop.later nightly is paused by ada since ")
    held = next(each for each in office.data("schedules") if each["workflow"] == name[0])
    assert (held["actor"], held["comment"]) == ("ada", "until the audit")
    assert "until the audit" in office.pipe("schedules").stdout
    assert office.data("schedules", "pause", *name, command="schedules pause") == held
    resumed = office.data("schedules", "resume", *name, "--actor", "bob", command="schedules resume")
    served = next(each for each in office.data("schedules") if each["workflow"] == name[0])
    assert resumed == served
    assert served["next_at"] is not None
    assert (served["paused_at"], served["actor"], served["comment"]) == (None, "bob", None)
    assert "bob" not in office.pipe("schedules").stdout


def test_starting_a_run_and_following_it(office: Office) -> None:
    """Standard error says what is followed and, on a terminal, each step; standard output has the facts alone."""
    said = office.pipe("start", "shop.broken", "--wait")
    run_id, status = said.stdout.split()
    assert (said.returncode, status) == (1, "failed")
    assert f"following run {run_id}" in said.stderr
    assert "look_up" not in said.stderr
    shown = run_in_terminal(
        ("start", "shop.broken", "--wait"), folder=office.folder, environment=office.environment
    ).text
    assert re.search(r"look_up  failed .*unknown_invoice: no such invoice", shown), shown
    assert shown.split()[-1] == "failed"


def test_lists_are_filtered_and_paged(office: Office) -> None:
    """By status, workflow, time, and payload read by its declared type; page by page, each run once."""
    for amount in ("7", "8"):
        office.pipe("start", "shop.order", "--payload", f"amount={amount}")

    def listed(*arguments: str) -> list[str]:
        page = office.data("runs", *arguments)
        return [run["id"] for run in page["runs"]]

    assert len(listed("--workflow", "shop.order")) == 3
    assert len(listed("--where", "amount=7")) == 1
    assert len(listed("--where", "customer=7")) == 3  # the text 7: the field is declared as text
    assert listed("--where", "amount=5", "--where", "customer=7") == [office.waiting]
    assert listed("--since", "1h", "--status", "failed") == [office.failed]
    inside = '{"town": {"zip": "01067", "floor": 7}, "tags": ["a"]}'
    pairs = [part for pair in ("name=n", "count=1", f"where={inside}") for part in ("--payload", pair)]
    office.pipe("start", "acc.typed", "--trigger", "go", *pairs)
    assert len(listed("--where", "where.town.floor=7", "--where", "where.tags=[]")) == 1
    assert len(listed("--where", 'where.town.zip="01067"')) == 1
    assert listed("--where", "where.town.floor=8") == listed("--where", "where.floor=7") == []
    assert listed("--since", "2100-01-01T00:00Z") == []
    first = office.data("runs", "--limit", "4")
    second = office.data("runs", "--limit", "4", "--cursor", first["cursor"])
    assert second["cursor"] is None
    assert [run["id"] for run in [*first["runs"], *second["runs"]]] == listed()
    assert "there are more: --cursor" in office.pipe("runs", "--limit", "3").stderr
    assert len(office.pipe("runs", "--ids").stdout.split()) == 6
    assert len(office.pipe("runs", "--ids", "--limit", "2").stdout.split()) == 2


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("runs", "--where", "amount"), ["--where", "write FIELD=VALUE"]),
        (("runs", "--where", "amount.net=3"), ["--where", "declare 'amount' as integer, and only a map"]),
        (("runs", "--where", "note..to=3"), ["--where", "write FIELD=VALUE"]),
        (("runs", "--where", "note.to=3", "--where", "note.to=4"), ["'note.to', or what is around it, is asked for"]),
        (("runs", "--where", "note=3", "--where", "note.to=4"), ["'note.to', or what is around it, is asked for"]),
        (("runs", "--limit", "99999999999999999999"), ["--limit", "1<=x<=1000000"]),
        (("run", "--queue", ""), ["'' cannot be the name of a queue: write up to 100 letters"]),
        (("run", "--queue", "default", "--queue", "e mail"), ["'e mail' cannot be the name of a queue"]),
        (("runs", "--database", "embedded:"), ["'embedded:' names no folder: write embedded:PATH"]),
        (("runs", "--since", "yesterday"), ["'yesterday' is neither a duration such as 2h"]),
        (("runs", "--since", "2026-05-26T09:00"), ["has no zone"]),
        (("runs", "--status", "stuck"), ["'stuck' is not one of"]),
        (("runs", "--cursor", "xyz"), ["'xyz' is not a run id"]),
        (("queues", "--json", "pause", "mail"), ["--json stands after 'pause', as its own option"]),
        (("schedules", "--database", "embedded:x", "pause", "w", "t"), ["--database stands after 'pause'"]),
        (("runs", "--app", "shop:mesh"), ["--app", "It stands before the command: squidmesh --app ... COMMAND"]),
        (("watch", "xyz"), ["'xyz' is not a run id"]),
        (("queues", "pause", "defalt"), ["queue 'defalt' is not known (did you mean 'default'?)"]),
        (("queues", "pause", "default", "--database", "postgresql://a:sekret@127.0.0.1:1/x"), ["is not available"]),
        (("workers", "--database", "postgresql://a:sekret@127.0.0.1:1/x"), ["is not available"]),
    ],
)
def test_bad_input_is_one_message(quiet_office: Office, arguments: tuple[str, ...], parts: list[str]) -> None:
    """It names what is wrong and what to write instead; exit 2, nothing on standard output, no secret."""
    quiet_office.start("shop.order")
    done = quiet_office.pipe(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(part in done.stderr for part in parts), done.stderr
    assert "Traceback" not in done.stderr
    assert "sekret" not in done.stderr


def test_ids_by_prefix_and_what_is_said_of_wrong_ones(office: Office) -> None:
    """A unique beginning will do; an ambiguous or unknown one is told what is like it, and nothing is done."""
    short = office.sleeping[:20]
    assert office.pipe("inspect", short).stdout == office.pipe("inspect", office.sleeping).stdout
    ambiguous = office.pipe("inspect", office.sleeping[:2])
    assert ambiguous.returncode == 2
    assert office.sleeping in ambiguous.stderr
    typo = office.failed[:-1] + ("0" if office.failed[-1] != "0" else "1")
    unknown = office.pipe("cancel", typo, "--yes")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert f"did you mean {office.failed}?" in unknown.stderr
    several = office.pipe("cancel", short, typo, office.sleeping[:2], "--yes")
    assert several.returncode == 1
    assert several.stdout == f"{office.sleeping}: is cancelled\n"
    assert "1 of 3 done, 2 refused" in several.stderr


def test_an_action_in_the_wrong_state_says_what_is_possible(office: Office) -> None:
    """The message names the state, and the commands that would be accepted; they are."""
    for arguments, state, verb in (
        (("approve", office.failed), "failed", "replay"),
        (("replay", office.waiting, "--yes"), "paused", "approve"),
        (("wake", office.waiting), "paused", "reject"),
        (("unblock", office.waiting), "waits for: approve_run", "approve"),
    ):
        done = office.pipe(*arguments)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert state in done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("  possible now: squidmesh ")]
        assert any(line.split()[3] == verb for line in lines), done.stderr
    proposed = lines[0].removeprefix("  possible now: squidmesh ")
    assert office.pipe(*shlex.split(proposed)).returncode == 0


def test_watching_a_run(office: Office, until: Callable[..., Any]) -> None:
    """A live view on a terminal, else a line or an object for each change; the exit code tells how it ended."""
    said = office.pipe("watch", office.failed)
    assert said.returncode == 1
    assert "look_up  failed" in said.stdout
    assert "unknown_invoice: no such invoice" in said.stdout
    run_id = office.start("shop.order")
    office.in_terminal = True
    live = office.say("watch", run_id)
    assert live.code == 0
    for part in ("✓", "load", "‖", "review", "ship", "not reached", "what may be done", f"squidmesh approve {run_id}"):
        assert part in live.text
    done = office.pipe("watch", run_id, "--json")
    changes = [json.loads(line) for line in done.stdout.splitlines()]
    for change in changes:
        check("watch", change)
    assert [(change["step"], change["status"]) for change in changes if change["kind"] == "step"] == [
        ("load", "completed"),
        ("review", "paused"),
    ]
    assert (changes[-1]["kind"], changes[-1]["status"], changes[-1]["reason"]) == (
        None,
        "paused",
        "paused_for_approval",
    )


def test_holding_a_queue(office: Office, until: Callable[..., Any]) -> None:
    """A paused queue is not served by a worker that runs; explain says who holds it and how to let it go."""
    paused = office.data("queues", "pause", "default", "--comment", "maintenance", command="queues pause")
    assert (paused["actor"], paused["comment"]) == ("ada", "maintenance")
    run_id = office.start("shop.order")
    until(lambda: office.reason(run_id) == "queue_paused")
    why = office.pipe("explain", run_id).stdout
    assert "is due on a queue that somebody has paused" in why
    assert re.search(r"^default +paused +1 ", office.pipe("queues").stdout, re.MULTILINE)
    (group,) = (group for group in office.data("explain") if group["reason"] == "queue_paused")
    assert group["commands"][0]["command"] == f"squidmesh explain {run_id}"
    assert office.pipe(*office.proposed(why, "queues")).returncode == 0
    until(lambda: office.reason(run_id) == "paused_for_approval")


def test_what_is_printed_as_data_keeps_its_schema(office: Office) -> None:
    """Every command that only looks, on runs in several states."""
    for run_id in (office.waiting, office.sleeping, office.failed):
        office.data("inspect", run_id, "--history")
        office.data("inspect", run_id)
    (alive,) = office.data("workers")
    assert (alive["alive"], alive["queues"]) == (True, ["default"])
    assert "default" in [queue["name"] for queue in office.data("queues")]
    office.data("explain", office.waiting, command="explain RUN_ID")
    for command in ("schedules", "steps", "doctor"):
        office.data(command)
    office.data("db", "status", command="db status")
    office.data("db", "prune", "--older-than", "30d", "--dry-run", command="db prune")
    office.data("start", "shop.order")
    office.data("schedules", "fire", "shop.later", "nightly", command="schedules fire")
    reports = office.data("wake", office.sleeping)
    assert reports[0]["result"].keys() == {"nap"}
    office.data("replay", office.failed, "--yes")
    office.data("approve", office.waiting, "--dry-run")
    office.data("reject", office.waiting)
    office.data("unblock", office.waiting)


@pytest.mark.parametrize("columns", [80, 120])
def test_lists_fit_the_terminal(office: Office, columns: int) -> None:
    """No line is longer than the terminal is wide, and what tells runs apart is whole."""
    office.in_terminal = True
    for arguments in (("runs",), ("explain",), ("workers",), ("queues",)):
        shown = office.say(*arguments, columns=columns).text
        assert max(len(line) for line in shown.splitlines() if "squidmesh explain" not in line) <= columns, shown
    for found in RUN_ID.findall(office.say("runs", columns=columns).text):
        assert office.pipe("inspect", found).returncode == 0


def test_no_color_is_heeded_in_a_terminal(office: Office) -> None:
    """Colours on a terminal, none where NO_COLOR is set."""

    def raw(**variables: str) -> str:
        return run_in_terminal(("runs",), folder=office.folder, environment=office.environment | variables).raw

    assert _COLOURS.search(raw())
    assert not _COLOURS.search(raw(NO_COLOR="1"))


def test_a_trial_in_a_terminal(quiet_office: Office) -> None:
    """What runs is shown while it runs, the gate is asked about, and the answer is taken."""
    shown = run_in_terminal(
        ("try", "workflows/shop.yaml", "--database", quiet_office.environment["SQUIDMESH_DATABASE_URL"]),
        folder=quiet_office.folder,
        environment=quiet_office.environment,
        answers={"Ship it?": "approve"},
    )
    assert shown.code == 0, shown.text
    assert "this run completed" in shown.text
    assert "✓ ship" in shown.text


def test_every_command_tells_how_it_is_used(quiet_office: Office) -> None:
    """The list names what an operator needs; each command's help has an example of a complete command."""
    listed = quiet_office.pipe("--help").stdout
    commands = ("runs", "explain", "inspect", "watch", "approve", "reject", "unblock", "cancel", "replay", "wake")
    for name in (*commands, "schedules", "queues", "workers", "db"):
        assert re.search(rf"^  {name} ", listed, re.MULTILINE), name
    for name in ("runs", "explain", "watch", "cancel", "queues", "workers"):
        assert f"squidmesh {name}" in quiet_office.pipe(name, "--help").stdout.partition("Example")[2]
