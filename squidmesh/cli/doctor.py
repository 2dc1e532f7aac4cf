"""``squidmesh doctor``: looks for what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from squidmesh.cli.session import database_option, json_option, open_mesh, print_json, workflows_option
from squidmesh.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from squidmesh.model.upkeep import Finding

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red"), "skipped": ("-", "dim")}


@click.command()
@click.option(
    "--live", is_flag=True, help="A probe: exit 1 only where a restart helps, if a worker of this machine is silent."
)
@database_option
@workflows_option
@json_option
@click.pass_context
def command(
    context: click.Context, live: bool, database: str | None, workflows: tuple[Path, ...], as_json: bool
) -> int:
    """Look at settings, step types, workflows, database and workers; say what to do about each problem.

    Exits 1 if there is a problem, 0 if there are warnings alone.

    Example: squidmesh doctor
    """
    try:
        with open_mesh(context, database=database, workflows=workflows) as mesh:
            found = mesh.examine(live=live)
    except ConfigurationError as error:
        found = _unreadable(error)
    if as_json:
        print_json([finding.to_dict() for finding in found])
    else:
        _show(found)
    return 1 if any(finding.verdict == "problem" for finding in found) else 0


def _unreadable(error: ConfigurationError) -> list[Finding]:
    from squidmesh.model.upkeep import Finding, Verdict  # noqa: PLC0415 - only then

    remedy = "correct it; nothing else was looked at"
    return [Finding(check="settings", verdict=Verdict.PROBLEM, detail=text, remedy=remedy) for text in error.problems]


def _show(found: Sequence[Finding]) -> None:
    from rich.text import Text  # noqa: PLC0415 - rich is for people

    from squidmesh.cli.console import make_console  # noqa: PLC0415 - likewise

    console = make_console()
    width = max(len(finding.check) for finding in found)
    for finding in found:
        sign, style = _SIGNS[finding.verdict]
        console.print(Text.assemble((sign, style), f" {finding.check:{width}}  {finding.detail}"))
        if finding.remedy:
            console.print(Text.assemble(" " * (width + 4), ("→ ", style), finding.remedy))
    problems = sum(finding.verdict == "problem" for finding in found)
    warnings = sum(finding.verdict == "warning" for finding in found)
    console.print(Text(f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}", style="bold"))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
