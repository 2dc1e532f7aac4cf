"""``squidmesh workers``: the processes that execute steps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.text import Text

from squidmesh.cli.console import make_console, print_table
from squidmesh.cli.moments import age
from squidmesh.cli.session import database_option, json_option, open_mesh, print_json
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidmesh.model.worker import WorkerProcess

_TITLES = ("host", "pid", "", "running", "queues", "step types", "version", "up", "beat")


@click.command()
@database_option
@json_option
@click.pass_context
def command(context: click.Context, database: str | None, as_json: bool) -> None:
    """Show the worker processes: where each runs, what it serves, and when it last said that it lives.

    One that vanished without a word stays in the list, as gone, for five minutes.

    Example: squidmesh workers
    """
    with open_mesh(context, database=database) as mesh:
        found = mesh.list_workers()
    if as_json:
        print_json([worker.to_dict() for worker in found])
    else:
        _show(found)


def _show(found: Sequence[WorkerProcess]) -> None:
    console = make_console()
    if not found:
        console.print("no worker lives; start one: squidmesh run")
        return
    now = datetime.now(UTC)
    rows = [
        (
            worker.host,
            str(worker.pid),
            Text("alive", style="green") if worker.alive else Text("gone", style="bold red"),
            str(worker.running),
            ", ".join(worker.queues),
            ", ".join(name for name in worker.step_types if name not in BUILTIN_STEP_TYPES) or "built-in",
            worker.version,
            age(now, worker.started_at),
            age(now, worker.beat_at),
        )
        for worker in found
    ]
    print_table(console, _TITLES, rows, styles=("bold", "", "", "", "", "dim"), whole=(1, 2, 3, 6, 7, 8))
