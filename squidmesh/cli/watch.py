"""``squidmesh watch``: a run as it goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from rich.live import Live

from squidmesh.cli.change_lines import print_changes
from squidmesh.cli.console import make_console
from squidmesh.cli.following import Changes, Look, follow
from squidmesh.cli.live import render_run
from squidmesh.cli.next_commands import next_commands
from squidmesh.cli.session import database_option, open_mesh, place_of
from squidmesh.cli.show import show_explanation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

_FINE = {"completed", "paused"}


@click.command()
@click.argument("run_id")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each change.")
@click.pass_context
def command(context: click.Context, run_id: str, database: str | None, as_json: bool) -> int:
    """Follow RUN_ID until it ends or waits for a person: a live view on a terminal, else a line for each change.

    Exit 0 if it completed or waits for a person, 1 if it failed or was cancelled.

    Example: squidmesh watch 019b76da-a800-7000-8000-000000000001
    """
    console = make_console()
    with open_mesh(context, database=database) as mesh:
        found = mesh.find_run_id(run_id)
        looks = follow(mesh, found)
        if as_json:
            last = _print_json(looks)
        elif console.is_terminal:
            last = _show_live(console, looks)
        else:
            last = print_changes(console, looks)
    if not as_json:
        console.print()
        show_explanation(console, last.explanation, next_commands(found, last.explanation, place_of(context, database)))
    return 0 if last.run.status in _FINE else 1


def _show_live(console: Console, looks: Iterable[Look]) -> Look:
    with Live(console=console, auto_refresh=False) as live:
        for look in looks:
            live.update(render_run(look, console.height), refresh=True)
    return look


def _print_json(looks: Iterable[Look]) -> Look:
    changes = Changes()
    for look in looks:
        for change in changes.of(look):
            click.echo(json.dumps(change.to_dict(), ensure_ascii=False))
    return look
