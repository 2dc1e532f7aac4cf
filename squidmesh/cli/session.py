"""What commands share: the options that name the database and the workflows, and the mesh they open."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from squidmesh.errors import ConfigurationError, SquidMeshError
from squidmesh.settings import load_settings
from squidmesh.steps.registry import StepRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh.mesh import SquidMesh
    from squidmesh.settings import Settings

_HOST = "squidmesh.host"


def database_option(
    function: Callable[..., Any],
    text: str = "PostgreSQL URL or embedded:PATH (default: the settings, then .squidmesh/).",
) -> Callable[..., Any]:
    """Add ``--database``."""
    return click.option("--database", metavar="URL", callback=_refuse_empty, help=text)(function)


def _refuse_empty(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    """Return what was given: an empty address, such as an unset variable of a script leaves, names no database."""
    if url is not None and not url.strip():
        raise click.BadParameter("it is empty: write a PostgreSQL URL or embedded:PATH, or leave the option out")
    return url


def workflows_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--workflows``."""
    text = "A workflow file or folder (repeatable; default: the setting)."
    return click.option("--workflows", multiple=True, type=click.Path(path_type=Path), help=text)(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def refuse_options(group: click.Context) -> None:
    """Refuse the options of a group before one of its commands, which has its own: they would mean nothing there."""
    for parameter in group.command.params:
        if group.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
            option, command = parameter.opts[0], group.invoked_subcommand
            raise click.UsageError(f"{option} stands after {command!r}, as its own option", group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a further command must say to meet the same host and database as this one."""

    app: str | None = None
    database: str | None = None

    def command(self, text: str) -> str:
        """Return a complete command that does ``text``; a password never stands in it."""
        before = f" --app {shlex.quote(self.app)}" if self.app else ""
        after = f" --database {shlex.quote(_without_password(self.database))}" if self.database else ""
        return f"squidmesh{before} {text}{after}"


def place_of(context: click.Context, database: str | None) -> Place:
    """Return what this command was told on its line; the environment and the settings hold for the next one too."""
    root = context.find_root()
    told = root.get_parameter_source("app") is ParameterSource.COMMANDLINE and find_host(context) is not None
    return Place(app=root.params["app"] if told else None, database=database)


def _without_password(url: str) -> str:
    """Return an address without its password, in whichever of the two places of a URL it stands."""
    bare = re.sub(r"(password=)[^\s&]+", r"\1***", url)
    return re.sub(r"(://[^:/@\s]*):\S*@", r"\1:***@", bare)


@contextmanager
def open_mesh(
    context: click.Context, *, database: str | None = None, workflows: tuple[Path, ...] = ()
) -> Iterator[SquidMesh]:
    """Give the host's mesh (``--app``), or one made from settings, closed at the end.

    With a database or workflows of the command's own, the host's settings and step types hold all the same.
    """
    host = find_host(context)
    if host is not None and database is None and not workflows:
        with host:
            yield host
        return
    with make_mesh(context, database=database, workflows=list(workflows) or None) as mesh:
        yield mesh


def make_mesh(context: click.Context, **given: Any) -> SquidMesh:
    """Return a new mesh like the host's, or like the settings say, but for what is ``given``; None is not given."""
    from squidmesh.mesh import SquidMesh  # noqa: PLC0415 - SQLAlchemy and huey load only for commands that need them

    host = find_host(context)
    arguments: dict[str, Any] = host.arguments() if host is not None else {}
    return SquidMesh(**arguments | {name: value for name, value in given.items() if value is not None})


def find_host(context: click.Context) -> SquidMesh | None:
    """Return the mesh that ``--app`` names, or the setting ``app``: loaded once a command. None if neither does."""
    if _HOST not in context.meta:
        name = context.find_root().params.get("app") or load_settings().app
        context.meta[_HOST] = load_app(name) if name else None
    host: SquidMesh | None = context.meta[_HOST]
    return host


def leave_host_out(context: click.Context) -> None:
    """Let the rest of a command go by the settings alone: it is about a project that no host knows."""
    context.meta[_HOST] = None


def settings_in_force(context: click.Context) -> Settings:
    """Return the settings of the host's mesh, or those of the working directory."""
    host = find_host(context)
    return load_settings() if host is None else host.settings


def step_types(context: click.Context, folder: Path | None = None) -> StepRegistry:
    """Return the step types that the host's mesh knows, or those registered in ``folder`` (default: here)."""
    host = find_host(context)
    if host is None:
        return StepRegistry.discover(folder=folder)
    if folder is None:
        return host.registry
    return StepRegistry.discover(extra=host.arguments()["steps"], folder=folder)


def load_app(name: str) -> SquidMesh:
    """Import ``module:attribute`` with the working directory on ``sys.path``; call it if it is a function."""
    from squidmesh.mesh import SquidMesh  # noqa: PLC0415 - see make_mesh

    module_name, _, attribute = name.partition(":")
    if not attribute:
        raise ConfigurationError([f"--app {name!r}: write module:attribute, such as shop.workflows:mesh"])
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
        if not isinstance(found, SquidMesh) and callable(found):
            found = found()
    except SquidMeshError:
        raise
    except (ImportError, AttributeError) as error:
        raise ConfigurationError([f"--app {name!r}: {error}"]) from error
    except (Exception, SystemExit) as error:  # whatever the host's code does when it is imported or called
        raise ConfigurationError([f"--app {name!r}: {type(error).__name__}: {error}"]) from error
    if not isinstance(found, SquidMesh):
        raise ConfigurationError([f"--app {name!r}: is a {type(found).__name__}, not a SquidMesh"])
    return found


def print_json(value: Any) -> None:
    """Print a JSON-ready value."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
