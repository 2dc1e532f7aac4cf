"""``squidmesh format``: workflow files in canonical form."""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING

import click

from squidmesh.authoring.diagnostics import Diagnostic
from squidmesh.authoring.files import find_files, read_file, write_file
from squidmesh.authoring.format import format_text
from squidmesh.authoring.source import MAX_BYTES
from squidmesh.cli.progress import tracked
from squidmesh.cli.session import settings_in_force
from squidmesh.errors import InvalidWorkflow

if TYPE_CHECKING:
    from pathlib import Path

_STDIN = "-"
_UNREADABLE = 2


@click.command("format", short_help="Rewrite workflow files in canonical form.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, allow_dash=True))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.pass_context
def command(context: click.Context, paths: tuple[str, ...], check: bool, diff: bool) -> None:
    r"""Rewrite workflow files with their keys in canonical order, in canonical style.

    Comments stay with what they describe, and what a file means never changes. PATH is a file, a directory or -
    (standard input to standard output); without any, the "workflows" setting. A file that is not YAML, or
    cannot be written, is reported and left alone (exit code 2).

    \b
    Examples:
      squidmesh format workflows/
      squidmesh format --check --diff workflows/
      squidmesh format - < draft.yaml
    """
    given = paths or tuple(str(path) for path in settings_in_force(context).workflows or ())
    if not given:
        raise click.UsageError("no PATH given, and the setting workflows is not set in [tool.squidmesh]")
    changed = broken = count = 0
    if _STDIN in given:
        count += 1
        broken, changed = _format_stdin(check=check, diff=diff)
    files = find_files(name for name in given if name != _STDIN)
    for path in tracked(files, "formatting"):
        count += 1
        try:
            changed += _format_file(path, write=not (check or diff), diff=diff)
        except InvalidWorkflow as error:
            broken += 1
            click.echo(str(error), err=True)
    verb = "would change" if check or diff else "changed"
    click.echo(f"{count} file{'' if count == 1 else 's'}, {changed} {verb}", err=True)
    sys.exit(_UNREADABLE if broken else int(bool(check and changed)))


def _format_stdin(*, check: bool, diff: bool) -> tuple[int, int]:
    """Format standard input; return whether it could not be read and whether it changed."""
    raw = sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        after = format_text(raw, "<stdin>")
    except InvalidWorkflow as error:
        click.echo(str(error), err=True)
        return 1, 0
    before = raw.decode()
    if diff:
        _print_diff(before, after, "<stdin>")
    elif not check:
        click.echo(after, nl=False)
    return 0, int(before != after)


def _format_file(path: Path, *, write: bool, diff: bool) -> bool:
    raw = read_file(path)
    if isinstance(raw, Diagnostic):
        raise InvalidWorkflow([raw])
    after = format_text(raw, str(path))
    if raw == after.encode():
        return False
    if diff:
        _print_diff(raw.decode(), after, str(path))
    problem = write_file(path, after.encode()) if write else None
    if problem is not None:
        raise InvalidWorkflow([problem])
    click.echo(f"{'formatted' if write else 'would format'} {path}", err=True)
    return True


def _print_diff(before: str, after: str, name: str) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    for line in lines:
        click.echo(line)
