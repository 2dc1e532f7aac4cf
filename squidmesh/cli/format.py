"""``squidmesh format``: workflow files in canonical form."""

from __future__ import annotations

import difflib
import io
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from squidmesh.authoring.diagnostics import Diagnostic
from squidmesh.authoring.files import find_files, read_file, write_file
from squidmesh.authoring.format import format_text
from squidmesh.authoring.source import MAX_BYTES
from squidmesh.cli.progress import tracked
from squidmesh.cli.session import settings_in_force
from squidmesh.cli.standard_input import read_stdin
from squidmesh.errors import InvalidWorkflow

if TYPE_CHECKING:
    from pathlib import Path

    from squidmesh.authoring.format import Formatted

_STDIN = "-"
_UNREADABLE = 2
_NO_BREAK = "\\ No newline at end of file"


@click.command("format", short_help="Rewrite workflow files in canonical form.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, allow_dash=True))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.pass_context
def command(context: click.Context, paths: tuple[str, ...], check: bool, diff: bool) -> None:
    r"""Rewrite workflow files with their keys in canonical order, in canonical style.

    Comments stay with what they describe, and what a file means never changes. PATH is a file, a directory or -
    (standard input to standard output); without any, the "workflows" setting. A file that is not YAML, or cannot be
    written, is reported and left alone (exit code 2). One that cannot be rewritten without changing what it says is
    named and left as it is; for --check it counts as formatted.

    \b
    Examples:
      squidmesh format workflows/
      squidmesh format --check --diff workflows/
      squidmesh format - < draft.yaml
    """
    given = paths or tuple(str(path) for path in settings_in_force(context).workflows or ())
    if not given:
        raise click.UsageError("no PATH given, and the setting workflows is not set in [tool.squidmesh]")
    run = _Run(writes=not (check or diff), diff=diff)
    if _STDIN in given:
        run.take_stdin()
    for path in tracked(find_files(name for name in given if name != _STDIN), "formatting"):
        run.take_file(path)
    click.echo(run.summary(), err=True)
    sys.exit(_UNREADABLE if run.broken else int(bool(check and run.changed)))


@dataclass(slots=True, kw_only=True)
class _Run:
    """One call of the command: what it does with files, and what became of them so far."""

    writes: bool
    diff: bool
    count: int = 0
    changed: int = 0
    left: int = 0
    broken: int = 0

    def take_stdin(self) -> None:
        raw = read_stdin(MAX_BYTES + 1)
        formatted = self._format(raw, "<stdin>")
        if formatted is not None:
            self.changed += self._changes(raw, formatted, "<stdin>")
            if self.writes:
                click.echo(formatted.text, nl=False)

    def take_file(self, path: Path) -> None:
        raw = read_file(path)
        formatted = self._format(raw, str(path))
        if formatted is None or isinstance(raw, Diagnostic) or not self._changes(raw, formatted, str(path)):
            return
        problem = write_file(path, formatted.text.encode()) if self.writes else None
        if problem is not None:
            self.broken += 1
            click.echo(str(InvalidWorkflow([problem])), err=True)
            return
        self.changed += 1
        click.echo(f"{'formatted' if self.writes else 'would format'} {path}", err=True)

    def summary(self) -> str:
        verb = "changed" if self.writes else "would change"
        left = f", {self.left} left as {'it is' if self.left == 1 else 'they are'}" if self.left else ""
        return f"{self.count} file{'' if self.count == 1 else 's'}, {self.changed} {verb}{left}"

    def _format(self, raw: bytes | Diagnostic, name: str) -> Formatted | None:
        """Return what a file becomes, and say what is in the way; None if it cannot be read."""
        self.count += 1
        try:
            formatted = format_text(_readable(raw), name)
        except InvalidWorkflow as error:
            self.broken += 1
            click.echo(str(error), err=True)
            return None
        if formatted.obstacle:
            self.left += 1
            click.echo(f"{name}: left as it is, because {formatted.obstacle}", err=True)
        return formatted

    def _changes(self, raw: bytes, formatted: Formatted, name: str) -> bool:
        changes = raw != formatted.text.encode()
        if changes and self.diff:
            _print_diff(raw.decode(), formatted.text, name)
        return changes


def _readable(raw: bytes | Diagnostic) -> bytes:
    if isinstance(raw, Diagnostic):
        raise InvalidWorkflow([raw])
    return raw


def _print_diff(before: str, after: str, name: str) -> None:
    """Print a unified diff; line breaks are told in words, since nobody would see them."""
    plain = before.replace("\r\n", "\n").replace("\r", "\n")
    if plain != before:
        click.echo(f"{name}: CRLF line breaks become LF")
    lines = difflib.unified_diff(io.StringIO(plain).readlines(), io.StringIO(after).readlines(), name, name)
    for line in lines:
        click.echo(line if line.endswith("\n") else f"{line}\n{_NO_BREAK}\n", nl=False)
