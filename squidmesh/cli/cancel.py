"""``squidmesh cancel``: stop runs, whatever they are at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from squidmesh.cli.acting import Acted, Operation, act_on_each
from squidmesh.cli.request import Request, operator_options

if TYPE_CHECKING:
    from uuid import UUID

    from squidmesh.mesh import SquidMesh


@click.command()
@click.option("--reason", metavar="TEXT", help="Why, for the run's history.")
@click.option("--compensate", is_flag=True, help="Undo what had completed, as after a failure.")
@click.option("--force", is_flag=True, help="Take running steps from their workers; their results are refused.")
@operator_options
@click.pass_context
def command(context: click.Context, request: Request, reason: str | None, compensate: bool, force: bool) -> int:
    """Cancel each RUN_ID; - reads ids from standard input.

    Example: squidmesh cancel 019b76da-a800-7000-8000-000000000001 --reason "wrong invoice" --compensate
    """

    def cancel(mesh: SquidMesh, run_id: UUID) -> Acted:
        run = mesh.cancel_run(run_id, actor=request.actor, reason=reason, compensate=compensate, force=force)
        later = "" if run.status.terminal else ", until what still runs has ended"
        return Acted(text=f"is {run.status.value}{later}", result=run.to_dict())

    return act_on_each(context, request, Operation(call="cancel_run", done="cancelled", act=cancel, question="Cancel"))
