"""``squidmesh db``: the tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from squidmesh.cli.session import database_option, json_option, open_mesh, print_json, settings_in_force
from squidmesh.settings import EMBEDDED_SCHEME

if TYPE_CHECKING:
    from squidmesh.mesh import SquidMesh
    from squidmesh.model.upkeep import Pruned, Tables

_STATES = {
    "up_to_date": "up to date (version {current})",
    "outdated": "outdated (version {current}, {expected} is needed): run 'squidmesh db upgrade'",
    "missing": "missing (version {expected} is needed): run 'squidmesh db upgrade'",
    "newer": "made by a newer squidmesh (version {current}, this one needs {expected}): upgrade the package",
}


@click.group()
def command() -> None:
    """Make, upgrade and prune the tables.

    Example: squidmesh db status
    """


@command.command()
@click.option("--sql", is_flag=True, help="Print the statements for an empty database instead of running them.")
@database_option
@json_option
@click.pass_context
def upgrade(context: click.Context, sql: bool, database: str | None, as_json: bool) -> None:
    """Create or upgrade the tables; doing it again changes nothing.

    Example: squidmesh db upgrade --database postgresql://localhost/shop
    """
    if sql and as_json:
        raise click.UsageError("--sql prints statements and --json facts: give one of them")
    if sql:
        from squidmesh.migrations import upgrade_sql  # noqa: PLC0415 - loads Alembic

        click.echo(upgrade_sql(schema=settings_in_force(context).schema))
        return
    with open_mesh(context, database=database) as mesh:
        before, after = mesh.migrate()
        tables = mesh.describe_tables()
    if as_json:
        print_json(tables.to_dict())
        return
    place = tables.database if before is None else ""
    if place.startswith(EMBEDDED_SCHEME):
        click.echo(f"a private PostgreSQL is kept in {place.removeprefix(EMBEDDED_SCHEME)}")
    if before == after:
        click.echo(f"the tables are up to date (version {after})")
    else:
        click.echo(f"the tables are now at version {after} (before: {before or 'none'})")


@command.command()
@database_option
@json_option
@click.pass_context
def status(context: click.Context, database: str | None, as_json: bool) -> int:
    """Say whether the tables are those of this package; exit 1 if they are not.

    Example: squidmesh db status --json
    """
    with open_mesh(context, database=database) as mesh:
        tables = mesh.describe_tables()
    if as_json:
        print_json(tables.to_dict())
    else:
        _show(tables)
    return 0 if tables.state == "up_to_date" else 1


def _show(tables: Tables) -> None:
    from squidmesh.cli.console import make_console, print_rows  # noqa: PLC0415 - rich is for people

    facts = _STATES[tables.state].format(current=tables.current, expected=tables.expected)
    rows = [
        ("tables", facts),
        ("schema", tables.schema),
        ("database", tables.database),
        ("server", f"PostgreSQL {tables.server}"),
    ]
    print_rows(make_console(), rows, styles=["dim"])


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.pass_context
def install(context: click.Context, folder: Path) -> None:
    """Write the migrations of our tables into your own Alembic folder DIR, after its head.

    "alembic upgrade head" then makes the tables. Run it again after an upgrade of squidmesh: it writes the next step.

    Example: squidmesh db install migrations
    """
    from squidmesh.migrations import install as write  # noqa: PLC0415 - loads Alembic

    written = write(folder, schema=settings_in_force(context).schema)
    for path in written:
        click.echo(f"wrote {path}")
    click.echo("now run 'alembic upgrade head'" if written else f"{folder} has every step; nothing was written")


@command.command()
@click.option(
    "--older-than", metavar="DURATION", help="How long ago they finished, such as 30d (default: the setting retention)."
)
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
@database_option
@json_option
@click.pass_context
def prune(context: click.Context, older_than: str | None, dry_run: bool, database: str | None, as_json: bool) -> None:
    """Delete finished runs, with their steps, attempts and audit events, in small batches.

    Runs that have not finished stay. Idempotency keys are freed with their runs.

    Example: squidmesh db prune --older-than 30d --dry-run
    """
    if older_than is not None:
        _check_duration(older_than)
    with open_mesh(context, database=database) as mesh:
        pruned = _prune(mesh, older_than, dry_run=dry_run)
    if as_json:
        print_json(pruned.to_dict())
    else:
        click.echo(_sentence(pruned))


def _prune(mesh: SquidMesh, older_than: str | None, *, dry_run: bool) -> Pruned:
    """Prune; on a terminal, show after two seconds how far it is."""
    from squidmesh.cli.progress import counting  # noqa: PLC0415 - likewise

    with counting("runs deleted") as advance:
        return mesh.prune(older_than, dry_run=dry_run, on_batch=lambda gone: advance(gone.runs))


def _sentence(pruned: Pruned) -> str:
    before = pruned.before.isoformat(sep=" ", timespec="seconds")
    counts = (
        f"{pruned.runs} runs that finished before {before} "
        f"({pruned.step_runs} step runs, {pruned.attempts} attempts, {pruned.audit_events} audit events)"
    )
    return f"would delete {counts}" if pruned.dry_run else f"deleted {counts}"


def _check_duration(text: str) -> None:
    from squidmesh.model.duration import parse_duration  # noqa: PLC0415 - likewise

    try:
        parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--older-than") from error
