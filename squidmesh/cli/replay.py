"""``squidmesh replay``: start finished runs again, as new runs with the same payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.acting import Acted, Operation, act_on_each
from squidmesh.cli.request import Request, operator_options

if TYPE_CHECKING:
    from uuid import UUID

    from squidmesh.mesh import SquidMesh


@click.command()
@click.option(
    "--from", "from_step", metavar="STEP", help="Keep what completed before STEP (or 'failed', for the step that did)."
)
@click.option("--original", is_flag=True, help="Run on the definition of the first run, not on the newest.")
@click.option("--allow-irreversible", is_flag=True, help="Repeat steps whose effects cannot be undone.")
@operator_options
@click.pass_context
def command(
    context: click.Context, request: Request, from_step: str | None, original: bool, allow_irreversible: bool
) -> int:
    """Replay each RUN_ID and print the new run's id; - reads ids from standard input.

    Example: squidmesh replay 019b76da-a800-7000-8000-000000000001 --from failed
    """
    asked: dict[str, Any] = {
        "from_step": from_step,
        "allow_irreversible": allow_irreversible,
        "definition": "original" if original else "latest",
    }

    def replay(mesh: SquidMesh, run_id: UUID) -> Acted:
        run = mesh.replay_run(run_id, actor=request.actor, **asked)
        return Acted(text=f"is replayed as {run.id}", result=run.to_dict())

    operation = Operation(
        call="replay_run",
        done="replayed",
        act=replay,
        question="Replay",
        rehearse=lambda mesh, run_id: mesh.rehearse_replay(run_id, **asked),
    )
    return act_on_each(context, request, operation)
