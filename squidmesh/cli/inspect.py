"""``squidmesh inspect``: the stored facts of a run."""

from __future__ import annotations

import click

from squidmesh.cli.console import make_console
from squidmesh.cli.session import database_option, json_option, open_mesh, print_json
from squidmesh.cli.show import show_run


@click.command()
@click.argument("run_id")
@click.option("--history", is_flag=True, help="Show steps, attempts and audit events too.")
@database_option
@json_option
@click.pass_context
def command(context: click.Context, run_id: str, history: bool, database: str | None, as_json: bool) -> None:
    """Show what is stored about run RUN_ID, which may be shortened to a beginning that no other run has.

    Example: squidmesh inspect 019b76da-a800-7000-8000-000000000001 --history
    """
    with open_mesh(context, database=database) as mesh:
        run = mesh.inspect_run(mesh.find_run_id(run_id), include_history=history)
    if as_json:
        print_json(run.to_dict())
    else:
        show_run(make_console(), run)
