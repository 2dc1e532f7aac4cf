"""``squidmesh schema``: the JSON Schema of workflow files, for editors."""

from __future__ import annotations

import click

from squidmesh.authoring.schema_file import schema_text, schema_with_step_types
from squidmesh.steps.registry import StepRegistry


@click.command("schema", short_help="Print the JSON Schema of workflow files.")
@click.option("--with-steps", is_flag=True, help="Offer the registered step types as the choices of uses.")
def command(with_steps: bool) -> None:
    r"""Print the JSON Schema of workflow files (draft-07).

    Editors that speak YAML complete and check workflow files with it.

    \b
    Examples:
      squidmesh schema > workflow.schema.json
      squidmesh schema --with-steps > .vscode/workflow.schema.json
    """
    click.echo(schema_with_step_types(StepRegistry.discover().names()) if with_steps else schema_text(), nl=False)
