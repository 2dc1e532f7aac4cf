"""``squidmesh steps``: the registered step types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from squidmesh.cli.console import make_console, print_table
from squidmesh.cli.session import json_option, print_json, step_types
from squidmesh.errors import SquidMeshError
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES

if TYPE_CHECKING:
    from squidmesh.steps.contract import StepType
    from squidmesh.steps.registry import StepRegistry


@click.command()
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List the registered step types: parameters, description, where each comes from, and load errors.

    Example: squidmesh steps --json
    """
    registry = step_types(context)
    rows = [_row(registry, name) for name in registry.names()]
    if as_json:
        print_json(rows)
    else:
        _show(rows)
    return 1 if any(row["error"] for row in rows) else 0


def _row(registry: StepRegistry, name: str) -> dict[str, Any]:
    try:
        found = registry.get(name)
    except SquidMeshError as error:
        return {"name": name, "parameters": [], "description": None, "origin": None, "error": str(error)}
    return {
        "name": name,
        "parameters": _parameters(found),
        "description": found.description,
        "origin": found.origin,
        "error": None,
    }


def _parameters(step_type: StepType) -> list[dict[str, Any]]:
    return [
        {"name": parameter.name, "required": parameter.required, "annotation": parameter.annotation}
        for parameter in step_type.parameters
    ]


def _show(rows: list[dict[str, Any]]) -> None:
    console = make_console()
    print_table(console, ("step type", "parameters", "description", "from"), [_cells(row) for row in rows])
    console.print(f"built in: {', '.join(sorted(BUILTIN_STEP_TYPES))}", style="dim")


def _cells(row: dict[str, Any]) -> list[Text]:
    if row["error"]:
        return [Text(row["name"], style="red"), Text("-"), Text(row["error"], style="red"), Text()]
    names = ", ".join(item["name"] if item["required"] else f"[{item['name']}]" for item in row["parameters"])
    name, origin = Text(row["name"], style="bold"), Text(row["origin"], style="dim")
    return [name, Text(names or "-"), Text(row["description"] or "-"), origin]
