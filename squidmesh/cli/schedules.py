"""``squidmesh schedules``: the cron triggers, and what an operator may do to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from squidmesh.cli.console import make_console, print_table
from squidmesh.cli.moments import read_moment
from squidmesh.cli.request import actor_option, name_actor
from squidmesh.cli.session import database_option, json_option, open_mesh, print_json, refuse_options, workflows_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from squidmesh.model.schedule import Schedule

_TITLES = ("workflow", "trigger", "cron", "zone", "next", "last", "", "comment")


@click.group(invoke_without_command=True)
@database_option
@workflows_option
@json_option
@click.pass_context
def command(context: click.Context, database: str | None, workflows: tuple[Path, ...], as_json: bool) -> None:
    """Show the cron triggers with their next and last times; pause, resume or fire one.

    Example: squidmesh schedules pause content.post_daily_digest daily_digest
    """
    if context.invoked_subcommand is not None:
        refuse_options(context)
        return
    with open_mesh(context, database=database, workflows=workflows) as mesh:
        found = mesh.list_schedules()
    if as_json:
        print_json([schedule.to_dict() for schedule in found])
    else:
        _show(make_console(), found)


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments and options that every subcommand takes."""
    for decorate in (
        click.pass_context,
        workflows_option,
        database_option,
        click.argument("trigger"),
        click.argument("workflow"),
    ):
        function = decorate(function)
    return function


def _change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of pausing and resuming."""
    comment = click.option("--comment", metavar="TEXT", help="Why; shown with the schedule while it is paused.")
    for decorate in (json_option, comment, actor_option):
        function = decorate(function)
    return function


@command.command()
@_named
@_change_options
def pause(context: click.Context, /, **said: Any) -> None:
    """Stop TRIGGER of WORKFLOW from firing, in every worker.

    Example: squidmesh schedules pause content.post_daily_digest daily_digest
    """
    _change(context, "pause_schedule", **said)


@command.command()
@_named
@_change_options
def resume(context: click.Context, /, **said: Any) -> None:
    """Let TRIGGER of WORKFLOW fire again, from now on; what came due meanwhile is not made up for.

    Example: squidmesh schedules resume content.post_daily_digest daily_digest
    """
    _change(context, "resume_schedule", **said)


@command.command()
@_named
@click.option("--for", "moment", metavar="TIME", help="The time that the run is for, ISO 8601 (default: this minute).")
@click.option("--signal", metavar="ID", help="Fire once for this id, however often it is asked.")
@json_option
def fire(
    context: click.Context,
    workflow: str,
    trigger: str,
    database: str | None,
    workflows: tuple[Path, ...],
    moment: str | None,
    signal: str | None,
    as_json: bool,
) -> None:
    """Start a run of TRIGGER of WORKFLOW now; one that this time or signal started before is not started twice.

    Example: squidmesh schedules fire content.post_daily_digest daily_digest --for 2026-05-26T09:00+00:00
    """
    scheduled_for = read_moment(moment, option="--for") if moment is not None else None
    with open_mesh(context, database=database, workflows=workflows) as mesh:
        run = mesh.fire_schedule(workflow, trigger, scheduled_for=scheduled_for, signal_id=signal)
    if as_json:
        print_json(run.to_dict())
    else:
        click.echo(f"run {run.id} is {run.status.value}")


def _change(
    context: click.Context,
    call: str,
    *,
    workflow: str,
    trigger: str,
    database: str | None,
    workflows: tuple[Path, ...],
    actor: str | None,
    comment: str | None,
    as_json: bool,
) -> None:
    actor = name_actor(actor)
    with open_mesh(context, database=database, workflows=workflows) as mesh:
        _report(getattr(mesh, call)(workflow, trigger, actor=actor, comment=comment), as_json=as_json)


def _report(schedule: Schedule, *, as_json: bool) -> None:
    if as_json:
        print_json(schedule.to_dict())
        return
    name = f"{schedule.workflow} {schedule.trigger}"
    zone = ZoneInfo(schedule.timezone)
    if schedule.paused_at is None:
        click.echo(f"{name} fires again, next at {_moment(schedule.next_at, zone)}")
    else:
        by = f" by {schedule.actor}" if schedule.actor else ""
        click.echo(f"{name} is paused{by} since {_moment(schedule.paused_at, zone)}")


def _show(console: Console, found: list[Schedule]) -> None:
    if not found:
        console.print("no loaded workflow has a cron trigger, and no worker has seen one")
        return
    styles = ("", "", "", "dim", "", "dim", "yellow")
    print_table(console, _TITLES, [_cells(schedule) for schedule in found], styles=styles, whole=(0, 1, 4, 6))


def _cells(schedule: Schedule) -> tuple[str, ...]:
    zone = ZoneInfo(schedule.timezone)
    notes = []
    if schedule.paused:
        notes.append(f"paused by {schedule.actor}" if schedule.actor else "paused")
    if schedule.definition is None:
        notes.append("no worker has seen it yet")
    elif not schedule.loaded:
        notes.append("fires by another definition than the one here")
    return (
        schedule.workflow,
        schedule.trigger,
        schedule.cron,
        schedule.timezone,
        _moment(schedule.next_at, zone),
        _moment(schedule.last_at, zone),
        ", ".join(notes),
        (schedule.comment or "") if schedule.paused else "",
    )


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if moment is not None else "-"
