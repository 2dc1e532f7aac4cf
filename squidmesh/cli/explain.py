"""``squidmesh explain``: why a run is where it is, or all that are open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.console import make_console, print_table
from squidmesh.cli.moments import age
from squidmesh.cli.next_commands import fleet_commands, next_commands
from squidmesh.cli.session import database_option, json_option, open_mesh, place_of, print_json
from squidmesh.cli.show import short_id, show_explanation

if TYPE_CHECKING:
    from rich.console import Console

    from squidmesh.cli.session import Place
    from squidmesh.model.fleet import FleetGroup

_TITLES = ("runs", "reason", "step", "error", "workflow", "for", "oldest run")


@click.command()
@click.argument("run_id", required=False)
@click.option("--workflow", metavar="NAME", help="Without RUN_ID: the runs of this workflow alone.")
@database_option
@json_option
@click.pass_context
def command(
    context: click.Context, run_id: str | None, workflow: str | None, database: str | None, as_json: bool
) -> None:
    """Say why run RUN_ID is where it is, and what may be done about it; without RUN_ID, where all open runs are.

    RUN_ID may be shortened to a beginning that no other run has.

    Example: squidmesh explain 019b76da-a800-7000-8000-000000000001
    """
    if run_id is None:
        _explain_fleet(context, workflow, database, as_json=as_json)
        return
    if workflow is not None:
        raise click.UsageError("--workflow is for all runs; leave it out with RUN_ID")
    with open_mesh(context, database=database) as mesh:
        found = mesh.find_run_id(run_id)
        explanation = mesh.explain_run(found)
    commands = next_commands(found, explanation, place_of(context, database))
    if as_json:
        said = {"run_id": str(found), **explanation.to_dict(), "commands": [item.to_dict() for item in commands]}
        print_json(said)
    else:
        show_explanation(make_console(), explanation, commands)


def _explain_fleet(context: click.Context, workflow: str | None, database: str | None, *, as_json: bool) -> None:
    with open_mesh(context, database=database) as mesh:
        groups = mesh.explain_fleet(workflow)
    place = place_of(context, database)
    if as_json:
        print_json([_with_commands(group, place) for group in groups])
    else:
        _show_fleet(make_console(), groups, place)


def _with_commands(group: FleetGroup, place: Place) -> dict[str, Any]:
    return {**group.to_dict(), "commands": [item.to_dict() for item in fleet_commands(group, place)]}


def _show_fleet(console: Console, groups: list[FleetGroup], place: Place) -> None:
    if not groups:
        console.print("no run is open")
        return
    now = datetime.now(UTC)
    rows = [
        (
            str(group.runs),
            group.reason,
            group.step or "",
            group.code or "",
            group.workflow,
            _ages(now, group),
            str(group.example) if not console.is_terminal else short_id(group.example),
        )
        for group in groups
    ]
    styles = ("bold", "", "", "red", "dim", "", "dim")
    print_table(console, _TITLES, rows, styles=styles, whole=(0, 1, 5, 6))
    if console.is_terminal:
        first = fleet_commands(groups[0], place)[0]
        console.print(f"\nwhy the oldest of the first line waits: {first.command}", style="dim")


def _ages(now: datetime, group: FleetGroup) -> str:
    """Return for how long the runs of a group have stood there, the shortest and the longest."""
    newest, oldest = age(now, group.newest_since), age(now, group.oldest_since)
    return oldest if newest == oldest else f"{newest} to {oldest}"
