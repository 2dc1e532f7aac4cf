"""``squidmesh runs``: the list of runs, each with the reason beside its status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from squidmesh.cli.moments import age, read_since
from squidmesh.cli.session import database_option, json_option, open_mesh, print_json, workflows_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from uuid import UUID

    from squidmesh.mesh import SquidMesh
    from squidmesh.model.run import Run
    from squidmesh.model.standing import Standing

_STATUSES = ("pending", "running", "retrying", "paused", "cancelling", "completed", "failed", "cancelled")
_PAGE = 50
_LONG_PAGE = 1000
_MOST = 1_000_000


@click.command()
@click.option("--workflow", metavar="NAME", help="Runs of this workflow.")
@click.option("--trigger", metavar="NAME", help="Runs that this trigger started.")
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="Runs of this status (repeatable).")
@click.option("--where", multiple=True, metavar="FIELD=VALUE", help="Runs whose payload holds this (repeatable).")
@click.option("--key", metavar="TEXT", help="The run that was started with this idempotency key.")
@click.option("--since", metavar="TIME", help="Runs started since then: 2h, 7d, or 2026-05-26T09:00Z.")
@click.option(
    "--limit", type=click.IntRange(1, _MOST), default=_PAGE, show_default=True, help="How many (with --ids: all)."
)
@click.option("--cursor", metavar="RUN_ID", help="Runs older than this one: the next page.")
@click.option("--ids", is_flag=True, help="Print ids alone, one a line, for other commands to read.")
@database_option
@workflows_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    database: str | None,
    workflows: tuple[Path, ...],
    as_json: bool,
    ids: bool,
    limit: int,
    cursor: str | None,
    since: str | None,
    key: str | None,
    **asked: Any,
) -> None:
    r"""List runs, the newest first, and why each is where it is.

    A value of --where is read by the type that the loaded workflows declare for the field. Of a map, dots lead
    inside, where a value is read as JSON, or else as text: --where customer.id=7, --where 'customer.zip="01067"'.

    \b
    Examples:
      squidmesh runs --status paused --status failed --since 7d
      squidmesh runs --workflow billing.recovery --where invoice_id=inv_1
      squidmesh runs --status paused --ids | squidmesh cancel - --yes
    """
    moment = read_since(since)
    with open_mesh(context, database=database, workflows=workflows) as mesh:
        wanted = {
            "workflow": asked["workflow"],
            "trigger": asked["trigger"],
            "status": asked["status"] or None,
            "payload": _payload(mesh, asked),
            "idempotency_key": key,
            "since": moment,
        }
        before = mesh.find_run_id(cursor) if cursor is not None else None
        if ids:
            chosen = context.get_parameter_source("limit") is not ParameterSource.DEFAULT
            _print_ids(mesh, wanted, before, limit if chosen else None)
            return
        found = list(_pages(mesh, wanted, before, limit + 1))
        page, more = found[:limit], len(found) > limit
        standings = mesh.explain_runs([run.id for run in page])
    if as_json:
        _print_json(page, standings, more=more)
    else:
        _show(page, standings, more=more)


def _payload(mesh: SquidMesh, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    from squidmesh.cli.payload_filter import read_where  # noqa: PLC0415 - only with --where

    return read_where(mesh, asked["where"], asked["workflow"])


def _print_ids(mesh: SquidMesh, wanted: Mapping[str, Any], before: UUID | None, limit: int | None) -> None:
    for run in _pages(mesh, wanted, before, limit):
        click.echo(str(run.id))


def _pages(mesh: SquidMesh, wanted: Mapping[str, Any], before: UUID | None, limit: int | None) -> Iterator[Run]:
    """Yield up to ``limit`` runs (None: all), page by page."""
    left = limit
    while left is None or left > 0:
        size = _LONG_PAGE if left is None else min(left, _LONG_PAGE)
        page = mesh.list_runs(**wanted, limit=size, cursor=before)
        yield from page
        if len(page) < size:
            return
        before = page[-1].id
        left = None if left is None else left - size


def _print_json(page: Sequence[Run], standings: Mapping[UUID, Standing], *, more: bool) -> None:
    runs = [{**_brief(run), "standing": standings[run.id].to_dict() if run.id in standings else None} for run in page]
    print_json({"runs": runs, "cursor": str(page[-1].id) if more else None})


def _brief(run: Run) -> dict[str, Any]:
    """Return a run without what only its history would tell."""
    return {name: value for name, value in run.to_dict().items() if name not in _HISTORY}


_HISTORY = ("steps", "step_runs", "audit_events")


def _show(page: Sequence[Run], standings: Mapping[UUID, Standing], *, more: bool) -> None:
    from rich.text import Text  # noqa: PLC0415 - rich is for people

    from squidmesh.cli.console import make_console, print_table  # noqa: PLC0415 - likewise
    from squidmesh.cli.show import STYLES, short_id  # noqa: PLC0415 - likewise

    console = make_console()
    if not page:
        console.print("no run is like that")
        return
    now = datetime.now(UTC)
    rows = [
        (
            short_id(run.id) if console.is_terminal else str(run.id),
            Text(run.status.value, style=STYLES[run.status]),
            _why(run, standings.get(run.id)),
            Text(run.workflow, style="dim"),
            age(now, run.created_at),
        )
        for run in page
    ]
    print_table(console, ("run", "status", "why", "workflow", "started"), rows, styles=("bold",), whole=(0, 1, 4))
    if more:
        make_console(stderr=True).print(f"there are more: --cursor {short_id(page[-1].id)}", style="dim")


def _why(run: Run, standing: Standing | None) -> str:
    """Return the reason, where it says more than the status, the step, and the error code."""
    if standing is None:
        return ""
    reason = standing.reason if standing.reason != run.status else ""
    code = f"({standing.code})" if standing.code and standing.code != standing.reason else ""
    return " ".join(part for part in (reason, standing.step or "", code) if part)
