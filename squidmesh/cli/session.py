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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from squidmesh.mesh import SquidMesh


def database_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--database``."""
    text = "PostgreSQL URL or embedded:PATH (default: the settings, then .squidmesh/)."
    return click.option("--database", metavar="URL", help=text)(function)


def workflows_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--workflows``."""
    text = "A workflow file or folder (repeatable; default: the setting)."
    return click.option("--workflows", multiple=True, type=click.Path(path_type=Path), help=text)(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


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
    told = root.get_parameter_source("app") is ParameterSource.COMMANDLINE
    return Place(app=root.params["app"] if told else None, database=database)


def _without_password(url: str) -> str:
    """Return an address without its password, in whichever of the two places of a URL it stands."""
    bare = re.sub(r"(password=)[^\s&]+", r"\1***", url)
    return re.sub(r"(://[^:/@\s]*):\S*@", r"\1:***@", bare)


@contextmanager
def open_mesh(
    context: click.Context, *, database: str | None = None, workflows: tuple[Path, ...] = ()
) -> Iterator[SquidMesh]:
    """Give the host's mesh (``--app``) or one made from settings, closed at the end."""
    from squidmesh.mesh import SquidMesh  # noqa: PLC0415 - SQLAlchemy and huey load only for commands that need them
    from squidmesh.settings import load_settings  # noqa: PLC0415 - likewise

    told = context.find_root().get_parameter_source("app") is ParameterSource.COMMANDLINE
    if told and (database is not None or workflows):
        raise ConfigurationError(
            ["--app names a mesh that has a database and workflows of its own: leave out --app, or the other options"]
        )
    app = context.obj["app"] or load_settings().app
    if app and database is None and not workflows:
        with load_app(app) as mesh:
            yield mesh
        return
    with SquidMesh(database, workflows=list(workflows) or None) as mesh:
        yield mesh


def load_app(name: str) -> SquidMesh:
    """Import ``module:attribute`` with the working directory on ``sys.path``; call it if it is a function."""
    from squidmesh.mesh import SquidMesh  # noqa: PLC0415 - see open_mesh

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
