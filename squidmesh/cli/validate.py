"""``squidmesh validate``: the linter."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.loader import lint_files
from squidmesh.authoring.render.report import Report
from squidmesh.authoring.source import MAX_BYTES
from squidmesh.cli.lint_settings import FORMATS, LintSettings, UsageError, read_lint_settings
from squidmesh.cli.progress import tracked
from squidmesh.cli.session import settings_in_force, step_types
from squidmesh.cli.standard_input import read_stdin
from squidmesh.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.steps.registry import StepRegistry

STDIN = "-"
STDIN_NAME = "<stdin>"
_MODULES = {"json": "as_json"}
_READING_CODES = "SM1"


@click.command("validate", short_help="Check workflow files.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, allow_dash=True))
@click.option("--format", "format_", type=click.Choice(FORMATS), help="How findings are printed. Default: full.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--select", multiple=True, metavar="CODES", help="Report only these codes, such as SM3,SM501.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not report these codes.")
@click.option("--fail-on", type=click.Choice(["error", "warning"]), help="What makes the exit code 1. Default: error.")
@click.option("--no-registry", is_flag=True, help="Do not compare with the registered step types (skips SM4xx).")
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    format_: str | None,
    as_json: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str | None,
    no_registry: bool,
) -> None:
    r"""Check workflow files and report every problem in one pass.

    PATH is a file, a directory (all *.yaml and *.yml below it) or - for standard input; without any, the
    "workflows" setting, or those of the host's mesh (--app). [tool.squidmesh.validate] in pyproject.toml may set
    select, ignore, fail_on, format and registry. What cannot be read as YAML (SM1xx) is always reported.

    \b
    Examples:
      squidmesh validate workflows/
      squidmesh validate --format github --fail-on warning
      squidmesh validate --no-registry - < draft.yaml
    """
    if as_json and format_ not in {None, "json"}:
        raise UsageError(f"--json and --format {format_} name two formats; give one of them")
    try:
        settings = (
            read_lint_settings()
            .overridden(
                format="json" if as_json else format_,
                select=_codes(select),
                ignore=_codes(ignore),
                fail_on=fail_on,
                registry=False if no_registry else None,
            )
            .resolved()
        )
        registry = step_types(context) if settings.registry else None
        report = _check(paths or _configured_paths(context), registry, settings)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
    _print(report, settings.format)
    click.echo(report.summary(), err=True)
    failing = len(report.diagnostics) if settings.fail_on == "warning" else report.count(Severity.ERROR)
    sys.exit(1 if failing else 0)


def _codes(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())


def _configured_paths(context: click.Context) -> tuple[str, ...]:
    configured = settings_in_force(context).workflows
    if not configured:
        raise UsageError("no PATH given, and the setting workflows is not set in [tool.squidmesh] of pyproject.toml")
    missing = [str(path) for path in configured if not path.exists()]
    if missing:
        raise UsageError(f"the setting workflows names {missing[0]}, which does not exist")
    return tuple(_shortened(path) for path in configured)


def _shortened(path: Path) -> str:
    folder = Path.cwd()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _check(paths: Sequence[str], registry: StepRegistry | None, settings: LintSettings) -> Report:
    content = read_stdin(MAX_BYTES + 1) if STDIN in paths else None
    on_disk = [path for path in paths if path != STDIN]
    results, found = lint_files(on_disk, registry, partial(tracked, what="checking"))
    files = [result.file for result in results]
    if content is not None:
        found = [*found, *lint_text(content, STDIN_NAME, registry=registry).diagnostics]
        files.append(STDIN_NAME)
    reported = tuple(diagnostic for diagnostic in found if _is_reported(diagnostic, settings))
    return Report(files=tuple(files), diagnostics=reported)


def _is_reported(diagnostic: Diagnostic, settings: LintSettings) -> bool:
    if diagnostic.code.startswith(_READING_CODES):
        return True
    selected = not settings.select or diagnostic.code in settings.select
    return selected and diagnostic.code not in settings.ignore


def _print(report: Report, form: str) -> None:
    if form == "full" and sys.stdout.isatty():
        import_module("squidmesh.authoring.render.coloured").show(report)
        return
    text = import_module(f"squidmesh.authoring.render.{_MODULES.get(form, form)}").render(report)
    if text:
        click.echo(text.encode(errors="replace").decode())  # a file's name may be no UTF-8
