"""``squidmesh explain``: why a run is where it is, or all that are open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from squidmesh.cli.console import make_console, print_rows
from squidmesh.cli.session import database_option, json_option, open_mesh, print_json
from squidmesh.cli.show import show_explanation

if TYPE_CHECKING:
    from rich.console import Console

    from squidmesh.model.fleet import FleetGroup

_TITLES = ("runs", "reason", "workflow", "step", "error", "oldest", "newest", "oldest run")
_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


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

    Example: squidmesh explain 019b76da-a800-7000-8000-000000000001
    """
    if run_id is None:
        _explain_fleet(context, workflow, database, as_json=as_json)
        return
    if workflow is not None:
        raise click.UsageError("--workflow is for all runs; leave it out with RUN_ID")
    with open_mesh(context, database=database) as mesh:
        explanation = mesh.explain_run(run_id)
    if as_json:
        print_json(explanation.to_dict())
    else:
        show_explanation(make_console(), explanation)


def _explain_fleet(context: click.Context, workflow: str | None, database: str | None, *, as_json: bool) -> None:
    with open_mesh(context, database=database) as mesh:
        groups = mesh.explain_fleet(workflow)
    if as_json:
        print_json([group.to_dict() for group in groups])
    else:
        _show_fleet(make_console(), groups)


def _show_fleet(console: Console, groups: list[FleetGroup]) -> None:
    if not groups:
        console.print("no run is open")
        return
    now = datetime.now(UTC)
    rows = [
        (
            str(group.runs),
            group.reason,
            group.workflow,
            group.step or "",
            group.code or "",
            _age(now, group.oldest_since),
            _age(now, group.newest_since),
            str(group.example),
        )
        for group in groups
    ]
    print_rows(console, [_TITLES, *rows], styles=("", "bold", "", "", "red", "", "", "dim"))


def _age(now: datetime, since: datetime) -> str:
    """Return how long ago something was, in the largest unit of which it is at least one."""
    seconds = max((now - since).total_seconds(), 0.0)
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
