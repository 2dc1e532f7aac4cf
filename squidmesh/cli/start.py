"""``squidmesh start``: start a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from squidmesh.cli.payload import payload_options, read_payload
from squidmesh.cli.session import database_option, json_option, open_mesh, print_json, workflows_option

if TYPE_CHECKING:
    from pathlib import Path

    from squidmesh.mesh import SquidMesh
    from squidmesh.model.run import Run

_POLL = 0.2


@click.command()
@click.argument("workflow")
@payload_options
@click.option("--trigger", metavar="NAME", help="The trigger to start by, where there are several.")
@click.option("--key", metavar="TEXT", help="Idempotency key: a second start with it returns the first run.")
@click.option("--wait", is_flag=True, help="Wait until the run ends; exit 1 if it does not complete.")
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

    Example: squidmesh start billing.recovery --payload invoice_id=inv_1
    """
    with open_mesh(context, database=database, workflows=workflows) as mesh:
        fields = mesh.payload_fields(workflow, trigger)
        payload = read_payload(pairs, payload_file, fields)
        run = mesh.start_run(workflow, payload, trigger=trigger, idempotency_key=key)
        if not as_json:
            click.echo(str(run.id))
        if wait:
            run = _follow(mesh, run)
        if as_json:
            print_json(run.to_dict())
        elif wait:
            click.echo(run.status)
        return 1 if wait and run.status != "completed" else 0


def _follow(mesh: SquidMesh, run: Run) -> Run:
    while not run.status.terminal:
        time.sleep(_POLL)
        run = mesh.inspect_run(run.id)
    return run
