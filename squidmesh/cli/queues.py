"""``squidmesh queues``: what stands in each queue, and holding one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.text import Text

from squidmesh.cli.console import make_console, print_table
from squidmesh.cli.moments import age
from squidmesh.cli.request import actor_option, name_actor
from squidmesh.cli.session import database_option, json_option, open_mesh, print_json, refuse_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from squidmesh.model.queue import Queue

_TITLES = ("queue", "", "due", "running", "later", "oldest due", "workers", "by", "comment")


@click.group(invoke_without_command=True)
@database_option
@json_option
@click.pass_context
def command(context: click.Context, database: str | None, as_json: bool) -> None:
    """Show what is due and running in each queue; pause or resume one.

    Example: squidmesh queues pause mail --comment "the provider is down"
    """
    if context.invoked_subcommand is not None:
        refuse_options(context)
        return
    with open_mesh(context, database=database) as mesh:
        found = mesh.list_queues()
    if as_json:
        print_json([queue.to_dict() for queue in found])
    else:
        _show(found)


def _change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options of pausing and resuming."""
    comment = click.option("--comment", metavar="TEXT", help="Why; shown with the queue.")
    for decorate in (click.pass_context, json_option, database_option, actor_option, comment, click.argument("name")):
        function = decorate(function)
    return function


@command.command()
@_change_options
def pause(
    context: click.Context, name: str, actor: str | None, comment: str | None, database: str | None, as_json: bool
) -> None:
    """Hold queue NAME in every worker: nothing more is claimed from it; steps that run may end.

    Example: squidmesh queues pause mail --comment "the provider is down"
    """
    actor = name_actor(actor)
    with open_mesh(context, database=database) as mesh:
        _report(mesh.pause_queue(name, actor=actor, comment=comment), as_json=as_json)


@command.command()
@_change_options
def resume(
    context: click.Context, name: str, actor: str | None, comment: str | None, database: str | None, as_json: bool
) -> None:
    """Let queue NAME be served again; what came due meanwhile is taken up at once.

    Example: squidmesh queues resume mail
    """
    actor = name_actor(actor)
    with open_mesh(context, database=database) as mesh:
        _report(mesh.resume_queue(name, actor=actor, comment=comment), as_json=as_json)


def _report(queue: Queue, *, as_json: bool) -> None:
    if as_json:
        print_json(queue.to_dict())
        return
    by = f" by {queue.actor}" if queue.actor else ""
    if queue.paused_at is None:
        click.echo(f"queue {queue.name} is served; {queue.due} steps are due")
    else:
        since = queue.paused_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        click.echo(f"queue {queue.name} is paused{by} since {since}; {queue.running} steps still run")


def _show(found: Sequence[Queue]) -> None:
    console = make_console()
    if not found:
        console.print("no queue is known: no workflow was started and no worker lives")
        return
    now = datetime.now(UTC)
    rows = [
        (
            queue.name,
            _state(queue),
            str(queue.due),
            str(queue.running),
            str(queue.later),
            age(now, queue.oldest_due_at),
            str(queue.workers),
            (queue.actor or "") if queue.paused else "",
            (queue.comment or "") if queue.paused else "",
        )
        for queue in found
    ]
    print_table(console, _TITLES, rows, styles=("bold",), whole=(1, 2, 3, 4, 5, 6))


def _state(queue: Queue) -> Text:
    if queue.paused:
        return Text("paused", style="yellow")
    return Text("served", style="green") if queue.workers else Text("unserved", style="bold red")
