"""``squidmesh wake``: make a waiting retry or timer due now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from squidmesh.cli.acting import Acted, Operation, act_on_each
from squidmesh.cli.request import Request, operator_options

if TYPE_CHECKING:
    from uuid import UUID

    from squidmesh.mesh import SquidMesh


@click.command()
@click.option("--step", metavar="NAME", help="Wake this step alone.")
@operator_options
@click.pass_context
def command(context: click.Context, request: Request, step: str | None) -> int:
    """Make what each RUN_ID waits for (a retry, a timer, a delay) due now; - reads ids from standard input.

    Example: squidmesh wake 019b76da-a800-7000-8000-000000000001 --step post_to_discord
    """

    def wake(mesh: SquidMesh, run_id: UUID) -> Acted:
        woken = mesh.wake_run(run_id, step=step, actor=request.actor)
        result = {name: left.total_seconds() for name, left in woken.items()}
        return Acted(text=f"woke {', '.join(result)}", result=result)

    return act_on_each(context, request, Operation(call="wake_run", done="woken", act=wake, step=step))
