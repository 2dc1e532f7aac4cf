"""``squidmesh try``: validate a file, start one run and work it in this process, showing each step."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from squidmesh.cli.console import make_console
from squidmesh.cli.gates import choose, commands_that_go_on, decide, read_decisions, waits_for_a_person
from squidmesh.cli.live import Doing
from squidmesh.cli.payload import payload_options, read_payload
from squidmesh.cli.session import database_option, find_host, make_mesh, place_of, settings_in_force, step_types
from squidmesh.cli.show import MARKS, STYLES, error_text, show_explanation, show_run
from squidmesh.cli.stubs import read_stubs
from squidmesh.errors import InvalidTransition, RunNotPaused
from squidmesh.model.payload import apply_contract
from squidmesh.settings import EMBEDDED_FOLDER, EMBEDDED_SCHEME, find_embedded_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from rich.console import Console

    from squidmesh.cli.session import Place
    from squidmesh.mesh import SquidMesh
    from squidmesh.model.definition import Workflow
    from squidmesh.model.run import Run
    from squidmesh.steps.registry import StepRegistry

_POLL = 0.05


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@payload_options
@click.option("--trigger", metavar="NAME", help="The trigger to start by, where there are several.")
@click.option(
    "--stub",
    "stubs",
    multiple=True,
    metavar="STEP[=JSON]",
    help="Answer for a step instead of calling or undoing it; 'all' for every one.",
)
@click.option(
    "--decide",
    "decisions",
    multiple=True,
    metavar="STEP=VERB",
    help="Decide at a gate: approve, reject or unblock (repeatable; default: ask on a terminal).",
)
@click.option("--real-time", is_flag=True, help="Wait for timers and retry delays instead of passing over them.")
@partial(database_option, text="Use this database instead of the private one in .squidmesh/.")
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    pairs: tuple[str, ...],
    payload_file: Path | None,
    trigger: str | None,
    stubs: tuple[str, ...],
    decisions: tuple[str, ...],
    real_time: bool,
    database: str | None,
) -> int:
    """Run the workflow in FILE once, here and now, and show each step.

    The run is stored in a private PostgreSQL under .squidmesh/ (made if it is not there), whatever the settings or
    --app say, unless --database names another. Timers and retry delays are passed over. Exit 0 if the run completed
    or waits for a person, 1 if it failed.

    Example: squidmesh try workflows/daily_digest.yaml --payload feed_url=https://example.com/feed.xml
    """
    console = make_console()
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("squidmesh").setLevel(logging.CRITICAL)
    # With every step stubbed no registry is needed.
    workflow = _load(console, file, step_types(context, file.parent) if "all" not in stubs else None)
    if workflow is None:
        return 1
    answers = read_stubs(stubs, workflow)
    decided = read_decisions(decisions, workflow)
    private = find_embedded_folder()
    url = database or f"{EMBEDDED_SCHEME}{private or Path.cwd() / EMBEDDED_FOLDER}"
    with make_mesh(context, database=url, workflows=file, folder=file.parent) as mesh:
        mesh.use_workflow(workflow)
        fields = mesh.payload_fields(workflow.name, trigger)
        payload = read_payload(pairs, payload_file, fields)
        apply_contract(fields, payload, datetime.now(UTC))  # no database is made for a payload that is refused
        mesh.migrate()
        if database is None and private is None:
            console.print(Text(_made(mesh), style="dim"), soft_wrap=True)
        trial = Trial(console, mesh, workflow, answers, decisions=decided, real_time=real_time)
        run = trial.run(payload, trigger)
        _show_end(console, mesh, workflow, run, place_of(context, _address(context, database, url)))
        return 0 if run.status in {"completed", "paused"} else 1


def _made(mesh: SquidMesh) -> str:
    """Return where the private database is; its data are elsewhere if the server's user cannot reach the folder."""
    server = mesh.database.embedded
    if server is None or server.home is None or server.home.is_relative_to(server.folder.resolve()):
        return f"made a private PostgreSQL in {EMBEDDED_FOLDER}/ (delete the folder to be rid of it)"
    return f"made a private PostgreSQL in {EMBEDDED_FOLDER}/, its data in {server.home} (delete both to be rid of it)"


def _address(context: click.Context, database: str | None, url: str) -> str | None:
    """Return what ``--database`` must be for the next command to meet this database; None: it does so by itself."""
    elsewhere = find_host(context) is not None or settings_in_force(context).database_url is not None
    return url if database is not None or elsewhere else None


def _show_end(console: Console, mesh: SquidMesh, workflow: Workflow, run: Run, place: Place) -> None:
    """Show what became of the run, and the commands that go on from there."""
    explanation = mesh.explain_run(run.id)
    console.print()
    show_run(console, run)
    console.print()
    show_explanation(console, explanation)
    if waits_for_a_person(explanation):
        console.print(Text("\nto go on", style="bold"))
        for line in commands_that_go_on(run, explanation, workflow, place):
            console.print(Text(f"  {line}"), soft_wrap=True)
    more = place.command(f"inspect {run.id} --history")
    console.print(Text(f"\nmore: {more}", style="dim"), soft_wrap=True)


def _load(console: Console, file: Path, registry: StepRegistry | None) -> Workflow | None:
    """Return the workflow, or show what is wrong with the file."""
    from squidmesh.authoring.lint import lint_text  # noqa: PLC0415 - loads the YAML reader
    from squidmesh.authoring.render.coloured import show  # noqa: PLC0415 - likewise
    from squidmesh.authoring.render.report import Report  # noqa: PLC0415 - likewise

    result = lint_text(file.read_bytes(), str(file), registry=registry)
    if result.ok and result.workflow is not None:
        return result.workflow
    show(Report(files=(str(file),), diagnostics=result.diagnostics), console)
    return None


class Trial:
    """One run, worked in this process and watched."""

    def __init__(
        self,
        console: Console,
        mesh: SquidMesh,
        workflow: Workflow,
        stubs: Mapping[str, Mapping[str, Any]],
        *,
        decisions: Mapping[str, str],
        real_time: bool,
    ) -> None:
        self._console = console
        self._mesh = mesh
        self._workflow = workflow
        self._stubs = stubs
        self._decisions = decisions
        self._real_time = real_time
        self._run_id: UUID | None = None
        self._doing = Doing(console)
        self._printing = threading.Lock()

    def run(self, payload: Mapping[str, Any], trigger: str | None) -> Run:
        """Start the run and work it until it ends, or waits for a person who is not here."""
        self._mesh.on("step.*", self._show)
        started = self._mesh.start_run(self._workflow.name, payload, trigger=trigger)
        self._run_id = started.id
        self._console.print(
            Text.assemble(
                (self._workflow.name, "bold"), f" by trigger {started.trigger}, run ", (str(started.id), "dim")
            )
        )
        queues = {step.queue for step in self._workflow.all_steps}
        with self._doing, self._mesh.worker(queues=sorted(queues), stubs=self._stubs):
            return self._watch(started)

    def _watch(self, run: Run) -> Run:
        while not run.status.terminal:
            time.sleep(_POLL)
            run = self._mesh.inspect_run(run.id)
            if run.status == "paused":
                if not self._decide(run):
                    return run
            elif not self._real_time and not run.status.terminal:
                self._pass_over_waits(run)
        return run

    def _decide(self, run: Run) -> bool:
        """Decide at a gate, as was said or is answered now; False if the gate is left for later."""
        explanation = self._mesh.explain_run(run.id)
        if not waits_for_a_person(explanation):
            return True  # it went on in between
        with self._doing.aside():
            choice = choose(explanation, self._decisions)
        if choice is None:
            return False
        try:
            decide(self._mesh, run, *choice)
        except (RunNotPaused, InvalidTransition) as error:  # its deadline passed while somebody thought about it
            self._say("!", "yellow", choice[0], str(error))
        return True

    def _pass_over_waits(self, run: Run) -> None:
        explanation = self._mesh.explain_run(run.id)
        if explanation.reason not in {"waiting_for_timer", "waiting_for_retry", "step_scheduled"}:
            return
        try:
            woken = self._mesh.wake_run(run.id)
        except InvalidTransition:
            return  # it came due by itself in between
        for step, left in woken.items():
            self._say("↷", "yellow", step, f"{left.total_seconds():.1f} s of waiting passed over (--real-time waits)")

    def _show(self, event: Mapping[str, Any]) -> None:
        if event["run_id"] != str(self._run_id):
            return
        name = event["event"].removeprefix("step.")
        step = event["step"] if event["kind"] == "step" else f"{event['step']} ({event['kind'].replace('_', ' ')})"
        if name == "started":
            self._doing.begin(step)
            return
        self._doing.end(step)
        if name == "retry_scheduled":
            self._say("↻", "yellow", step, f"attempt {event['attempt']} failed: {_message(event)}")
            return
        text = name if "error" not in event else f"{name}: {_message(event)}"
        took = f"  {event['duration'] * 1000:.0f} ms" if "duration" in event else ""
        stubbed = "  (stub)" if event["step"] in self._stubs else ""
        self._say(MARKS.get(name, "·"), STYLES.get(name, "red"), step, f"{text}{took}{stubbed}")

    def _say(self, mark: str, style: str, step: str, text: str) -> None:
        width = max(len(name) for name in self._workflow.steps)
        with self._printing:
            self._console.print(Text.assemble("  ", (mark, style), f" {step:<{width}}  ", (text, style)))


def _message(event: Mapping[str, Any]) -> str:
    return error_text(event["error"])
