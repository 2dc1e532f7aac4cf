"""``squidmesh start``: start a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from squidmesh.cli.payload import payload_options, read_payload
from squidmesh.cli.session import database_option, json_option, open_mesh, place_of, print_json, workflows_option

if TYPE_CHECKING:
    from pathlib import Path

    from squidmesh.cli.session import Place
    from squidmesh.mesh import SquidMesh
    from squidmesh.model.run import Run

_POLL = 0.2


@click.command()
@click.argument("workflow")
@payload_options
@click.option("--trigger", metavar="NAME", help="The trigger to start by, where there are several.")
@click.option("--key", metavar="TEXT", help="Idempotency key: a second start with it returns the first run.")
@click.option("--wait", is_flag=True, help="Follow the run until it ends; exit 1 if it does not complete.")
@database_option
@workflows_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    workflow: str,
    pairs: tuple[str, ...],
    payload_file: Path | None,
    trigger: str | None,
    key: str | None,
    wait: bool,
    database: str | None,
    workflows: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Start a run of WORKFLOW and print its id.

    With --wait, standard error says what goes on (on a terminal, each step), and standard output how it ended.

    Example: squidmesh start billing.recovery --payload invoice_id=inv_1
    """
    with open_mesh(context, database=database, workflows=workflows) as mesh:
        fields = mesh.payload_fields(workflow, trigger)
        payload = read_payload(pairs, payload_file, fields)
        run = mesh.start_run(workflow, payload, trigger=trigger, idempotency_key=key)
        if not as_json:
            click.echo(str(run.id))
        if wait:
            run = _wait(mesh, run, place_of(context, database))
        if as_json:
            print_json(run.to_dict())
        elif wait:
            click.echo(run.status)
        return 1 if wait and run.status != "completed" else 0


def _wait(mesh: SquidMesh, run: Run, place: Place) -> Run:
    """Return the run once it has ended; whoever looks sees what it waits for meanwhile."""
    from squidmesh.cli.change_lines import print_changes  # noqa: PLC0415 - rich is for people
    from squidmesh.cli.console import make_console  # noqa: PLC0415 - likewise
    from squidmesh.cli.following import follow  # noqa: PLC0415 - likewise

    console = make_console(stderr=True)
    console.print(f"following run {run.id}; Ctrl-C ends the following, not the run", style="dim")
    if console.is_terminal:
        print_changes(console, follow(mesh, run.id, to_the_end=True))
        return mesh.inspect_run(run.id)
    said = False
    while not run.status.terminal:
        time.sleep(_POLL)
        run = mesh.inspect_run(run.id)
        if run.status == "paused" and not said:
            console.print(f"it waits for a person: {place.command(f'explain {run.id}')}")
            said = True
    return run
