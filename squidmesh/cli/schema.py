"""``squidmesh schema``: the JSON Schema of workflow files, for editors, and that of ``--json``, for scripts."""

from __future__ import annotations

import click

from squidmesh.authoring.schema_file import OUTPUT_FILE_NAME, schema_text, schema_with_step_types
from squidmesh.cli.session import step_types


@click.command("schema", short_help="Print the JSON Schema of workflow files.")
@click.option("--with-steps", is_flag=True, help="Offer the registered step types as the choices of uses.")
@click.option("--output", is_flag=True, help="Print the schema of what commands print with --json instead.")
@click.pass_context
def command(context: click.Context, with_steps: bool, output: bool) -> None:
    r"""Print the JSON Schema of workflow files (draft-07).

    Editors that speak YAML complete and check workflow files with it. With --output: the schema of every output of
    --json; its key "commands" says which one a command has.

    \b
    Examples:
      squidmesh schema > workflow.schema.json
      squidmesh schema --output > output.schema.json
      squidmesh schema --with-steps > .vscode/workflow.schema.json
    """
    if output and with_steps:
        raise click.UsageError("--with-steps is about workflow files, --output about --json: give one of them")
    if output:
        click.echo(schema_text(OUTPUT_FILE_NAME), nl=False)
        return
    click.echo(schema_with_step_types(step_types(context).names()) if with_steps else schema_text(), nl=False)
