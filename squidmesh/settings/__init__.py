"""Settings: arguments, then ``SQUIDMESH_*`` variables, then ``[tool.squidmesh]``, then defaults.

This is the only module that reads the environment.
"""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from squidmesh.errors import ConfigurationError, InvalidValue, suggestion
from squidmesh.model.duration import parse_duration, to_duration
from squidmesh.model.queue import check_queue_names
from squidmesh.model.values import DEFAULT_MAX_BYTES
from squidmesh.settings.files import OWN_FILE, OWN_TABLE, PROJECT_FILE, find_files, read_table, upwards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EMBEDDED_FOLDER = ".squidmesh"
EMBEDDED_SCHEME = "embedded:"
SHORTEST_LEASE = timedelta(seconds=1)
# Tables that belong to other readers and are no settings of ours.
_SUBTABLES = frozenset({"steps", "validate"})
# What SquidMesh takes beside the settings: one of them may be meant by a misspelt one.
_ARGUMENTS = ("database", "steps", "folder")
_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set; durations are ``timedelta``, sizes bytes, paths absolute.

    ``source`` names the file that settings were read from (None: none was found).
    """

    app: str | None = None
    database_url: str | None = None
    workflows: tuple[Path, ...] = ()
    schema: str = "squidmesh"
    queue: str = "default"
    lease: timedelta = timedelta(seconds=30)
    poll_interval: timedelta = timedelta(seconds=1)
    sweep_interval: timedelta = timedelta(seconds=5)
    grace: timedelta = timedelta(seconds=30)
    max_value_bytes: int = DEFAULT_MAX_BYTES
    on_worker_lost: str = "retry"
    max_losses: int = 3
    retention: timedelta | None = None
    source: Path | None = None


_DURATIONS = frozenset({"lease", "poll_interval", "sweep_interval", "grace", "retention"})
_COUNTS = frozenset({"max_value_bytes", "max_losses"})
SETTING_NAMES = tuple(field.name for field in dataclasses.fields(Settings) if field.name != "source")


def load_settings(
    overrides: Mapping[str, Any] | None = None,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in force for ``folder`` (default: the working directory), whose nearest file is read.

    ``overrides`` are arguments: strings are parsed like the other sources, None means "not given". Their paths, and
    those of variables, start at the working directory, whatever the folder.
    Raises ``ConfigurationError`` with every problem at once.
    """
    here = Path.cwd().resolve()
    environment = os.environ if environment is None else environment
    source, table = _read_file(folder or here)
    problems = [*_unknown(table, source), *_unknown_arguments(overrides or {})]
    raw: dict[str, tuple[Any, Path, str]] = {}
    for name in SETTING_NAMES:
        if name in table and source:
            raw[name] = (table[name], source.parent, f"{source.name}, [tool.squidmesh] {name}")
        variable = f"SQUIDMESH_{name.upper()}"
        if environment.get(variable):
            raw[name] = (environment[variable], here, variable)
        if overrides and overrides.get(name) is not None:
            raw[name] = (overrides[name], here, f"argument {name}")
    values: dict[str, Any] = {}
    for name, (value, base, origin) in raw.items():
        try:
            values[name] = _parse(name, value, base)
        except ValueError as error:
            problems.append(f"{origin}: {error}")
        except InvalidValue as error:
            problems.append(f"{origin}: {error.reason}")
    if problems:
        raise ConfigurationError(problems)
    return Settings(**values, source=source)


def find_embedded_folder(folder: Path | None = None) -> Path | None:
    """Return the ``.squidmesh`` folder of ``folder`` (default: the working directory) or its nearest parent."""
    for candidate in upwards(folder or Path.cwd()):
        if (candidate / EMBEDDED_FOLDER).is_dir():
            return candidate / EMBEDDED_FOLDER
    return None


def find_embedded_url(folder: Path | None = None) -> str | None:
    """Return the URL of the private database that ``find_embedded_folder`` finds."""
    found = find_embedded_folder(folder)
    return f"{EMBEDDED_SCHEME}{found}" if found is not None else None


def _read_file(folder: Path) -> tuple[Path | None, Mapping[str, Any]]:
    """Return the nearest file that has our table, and that; our own file says that there is nothing by being empty."""
    for path in find_files(folder, OWN_FILE, PROJECT_FILE):
        table = read_table(path, *OWN_TABLE)
        if table is not None or path.name == OWN_FILE:
            return path, table or {}
    return None, {}


def _unknown(table: Mapping[str, Any], source: Path | None) -> Iterator[str]:
    for name in table:
        if name not in SETTING_NAMES and name not in _SUBTABLES:
            yield f"{source}: [tool.squidmesh] has no setting {name!r}{suggestion(name, SETTING_NAMES)}"


def _unknown_arguments(overrides: Mapping[str, Any]) -> Iterator[str]:
    for name in overrides:
        if name not in SETTING_NAMES:
            yield f"argument {name}: there is no such argument{suggestion(name, (*_ARGUMENTS, *SETTING_NAMES))}"


def _parse(name: str, value: Any, base: Path) -> Any:
    if name == "workflows":
        return _parse_paths(value, base)
    if name == "lease":
        return _parse_lease(value)
    if name in _DURATIONS:
        return _parse_length(value)
    if name in _COUNTS:
        return _parse_count(value)
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {value!r}")
    if name == "on_worker_lost" and value not in {"retry", "pause", "fail"}:
        raise ValueError(f"{value!r} is not one of retry, pause, fail")
    if name == "schema" and not _SCHEMA_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a plain lower-case schema name")
    if name == "queue":
        check_queue_names([value])
    if name == "database_url" and value.startswith(EMBEDDED_SCHEME):
        return _parse_embedded(value, base)
    return value


def _parse_embedded(value: str, base: Path) -> str:
    path = value.removeprefix(EMBEDDED_SCHEME)
    if not path.strip():
        raise ValueError(f"{value!r} names no folder: write embedded:PATH, such as {EMBEDDED_SCHEME}{EMBEDDED_FOLDER}")
    return EMBEDDED_SCHEME + str((base / path).resolve())


def _parse_paths(value: Any, base: Path) -> tuple[Path, ...]:
    entries = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(entry, (str, Path)) for entry in entries):
        raise ValueError(f"expected a path or a list of paths, found {value!r}")
    return tuple((base / entry).resolve() for entry in entries)


def _parse_length(value: Any) -> timedelta:
    length = to_duration(value) if isinstance(value, timedelta) else parse_duration(value)
    if not length:
        raise ValueError("must be longer than zero")
    return length


def _parse_lease(value: Any) -> timedelta:
    lease = _parse_length(value)
    if lease < SHORTEST_LEASE:
        raise ValueError(
            "must be at least 1s: a claim is kept by three heartbeats a lease, and a server that is silent for most "
            "of one counts as gone"
        )
    return lease


def _parse_count(value: Any) -> int:
    try:
        number = value if type(value) is int else int(str(value))
    except ValueError:
        raise ValueError(f"expected a whole number, found {value!r}") from None
    if number < 1:
        raise ValueError("must be at least 1")
    return number
