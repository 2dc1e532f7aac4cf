"""The TOML files of a project: which there are, nearest first, and what stands in them.

Ours stands in ``[tool.squidmesh]``, in ``squidmesh.toml`` as in ``pyproject.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from squidmesh.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN_FILE, PROJECT_FILE = "squidmesh.toml", "pyproject.toml"
OWN_TABLE = ("tool", "squidmesh")


def upwards(folder: Path) -> Iterator[Path]:
    """Yield a folder and its parents, the nearest first."""
    folder = folder.resolve()
    yield folder
    yield from folder.parents


def find_files(folder: Path, *names: str) -> Iterator[Path]:
    """Yield the files of these names in ``folder`` and its parents; of several in one folder, in the order named."""
    for candidate in upwards(folder):
        for name in names:
            if (candidate / name).is_file():
                yield candidate / name


def read_table(path: Path, *keys: str) -> Mapping[str, Any] | None:
    """Return the table that a file has at some keys, None if it has none there.

    ``ConfigurationError`` names a file that cannot be read, what of ours stands outside ``[tool.squidmesh]``, and the
    key under which something else than a table stands.
    """
    found: Any = _read(path)
    _check_places(path, found)
    for depth, key in enumerate(keys, 1):
        if key not in found:
            return None
        found = found[key]
        if not isinstance(found, Mapping):
            place = ".".join(keys[:depth])
            raise ConfigurationError([f"{path}: {place} must be a table, written [{place}]; found {found!r:.80}"])
    return dict(found)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError([f"{path}: cannot be read as TOML: {error}"]) from error


def _check_places(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse what nobody would read: whatever else our own file says, and a table of our name at the top."""
    strays = [key for key in content if key == "squidmesh" or (path.name == OWN_FILE and key != "tool")]
    tool = content.get("tool")
    if path.name == OWN_FILE and isinstance(tool, Mapping):
        strays += [f"tool.{key}" for key in tool if key != "squidmesh"]
    if strays:
        raise ConfigurationError(
            [f"{path}: {stray} stands outside [tool.squidmesh], where our settings belong" for stray in strays]
        )
