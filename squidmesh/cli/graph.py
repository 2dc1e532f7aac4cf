"""``squidmesh graph``: a workflow drawn."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from squidmesh.authoring.diagnostics import Diagnostic
from squidmesh.authoring.files import read_file
from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.source import MAX_BYTES
from squidmesh.cli.standard_input import read_stdin

_STDIN = "-"


@click.command("graph", short_help="Draw a workflow.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--format", "format_", type=click.Choice(["text", "mermaid", "dot"]), default="text", help="Default: text."
)
def command(file: str, format_: str) -> None:
    r"""Print the graph of the workflow in FILE (- for standard input).

    A file with errors of its graph is drawn as it stands; one that is not a workflow at all is reported.

    \b
    Examples:
      squidmesh graph workflows/recovery.yaml
      squidmesh graph workflows/recovery.yaml --format dot | dot -Tsvg > recovery.svg
    """
    raw = read_stdin(MAX_BYTES + 1) if file == _STDIN else read_file(Path(file))
    if isinstance(raw, Diagnostic):
        click.echo(str(raw), err=True)
        sys.exit(1)
    result = lint_text(raw, "<stdin>" if file == _STDIN else file)
    if result.workflow is None:
        for diagnostic in result.diagnostics:
            click.echo(str(diagnostic), err=True)
        sys.exit(1)
    module = import_module(f"squidmesh.authoring.render.graph_{format_}")
    click.echo(module.render_graph(result.workflow), nl=False)
