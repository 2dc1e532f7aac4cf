"""``squidmesh db``: the tables."""

from __future__ import annotations

import click

from squidmesh.cli.session import database_option, open_mesh


@click.group()
def command() -> None:
    """Make and upgrade the tables."""


@command.command()
@click.option("--sql", is_flag=True, help="Print the statements for an empty database instead of running them.")
@database_option
@click.pass_context
def upgrade(context: click.Context, sql: bool, database: str | None) -> None:
    """Create or upgrade the tables; doing it again changes nothing.

    Example: squidmesh db upgrade --database postgresql://localhost/shop
    """
    if sql:
        from squidmesh.migrations import upgrade_sql  # noqa: PLC0415 - loads Alembic
        from squidmesh.settings import load_settings  # noqa: PLC0415 - only with the option

        click.echo(upgrade_sql(schema=load_settings().schema))
        return
    with open_mesh(context, database=database) as mesh:
        before, after = mesh.migrate()
    if before == after:
        click.echo(f"the tables are up to date (version {after})")
    else:
        click.echo(f"the tables are now at version {after} (before: {before or 'none'})")
