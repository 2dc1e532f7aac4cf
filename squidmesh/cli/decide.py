"""``squidmesh approve``, ``reject`` and ``unblock``: decide about runs that wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.acting import Acted, Operation, act_on_each
from squidmesh.cli.json_object import read_object
from squidmesh.cli.request import Request, operator_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from squidmesh.mesh import SquidMesh


def _decision_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every decision may say: ``--step``, ``--comment`` and ``--metadata``."""
    metadata = click.option(
        "--metadata", metavar="JSON", callback=_read_metadata, help="A JSON object to keep with it."
    )
    comment = click.option("--comment", metavar="TEXT", help="Why; kept in the run's history.")
    step = click.option("--step", metavar="NAME", help="The paused step that is meant, where several are.")
    return operator_options(step(comment(metadata(function))))


def _read_metadata(_: click.Context, __: click.Parameter, text: str | None) -> dict[str, Any] | None:
    return None if text is None else read_object(text)


@click.command()
@_decision_options
@click.pass_context
def approve(context: click.Context, /, request: Request, **said: Any) -> int:
    """Approve what each RUN_ID waits for; - reads ids from standard input.

    Example: squidmesh approve 019b76da-a800-7000-8000-000000000001 --comment "checked the invoice"
    """
    return _decide(context, request, "approve", "approved", said)


@click.command()
@_decision_options
@click.pass_context
def reject(context: click.Context, /, request: Request, **said: Any) -> int:
    """Reject what each RUN_ID waits for; - reads ids from standard input.

    Example: squidmesh reject 019b76da-a800-7000-8000-000000000001 --comment "wrong customer"
    """
    return _decide(context, request, "reject", "rejected", said)


@click.command()
@click.option("--retry", is_flag=True, help="Try an interrupted step again, instead of taking it as done.")
@_decision_options
@click.pass_context
def unblock(context: click.Context, /, request: Request, **said: Any) -> int:
    """Let each RUN_ID go on that is paused; - reads ids from standard input.

    A step that was interrupted is taken as done, with --metadata as its output; --retry tries it again.

    Example: squidmesh unblock 019b76da-a800-7000-8000-000000000001 --metadata '{"refund_id": "re_7"}'
    """
    return _decide(context, request, "unblock", "unblocked", said)


def _decide(context: click.Context, request: Request, verb: str, done: str, said: dict[str, Any]) -> int:
    """Act on each run; one that is named needs no question, several do."""

    def decide(mesh: SquidMesh, run_id: UUID) -> Acted:
        run = getattr(mesh, f"{verb}_run")(run_id, actor=request.actor, **said)
        return Acted(text=f"{done}; the run is {run.status}", result=run.to_dict())

    question = verb.capitalize() if len(request.words) > 1 else None
    operation = Operation(
        call=f"{verb}_run", done=done, act=decide, question=question, step=said["step"], retry=said.get("retry", False)
    )
    return act_on_each(context, request, operation)
