"""Who offers which step types: installed packages, the application's own file, the host's arguments.

Reading the offers imports nothing; ``Offer.load`` imports the one target.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from squidmesh.settings.files import OWN_FILE, OWN_TABLE, PROJECT_FILE, find_files, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GROUP = "squidmesh.steps"
# https://packaging.python.org/en/latest/specifications/entry-points/#data-model, without the extras.
_TARGET = re.compile(r"(?P<module>\w+(?:\.\w+)*)\s*:\s*(?P<attribute>\w+(?:\.\w+)*)\s*(?:\[[^\]]*\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One name with its target: ``module:attribute`` text, or the callable itself.

    ``origin`` says where the offer stands. ``folder`` is put on the import path before the target is imported.
    """

    name: str
    target: str
    origin: str
    call: Callable[..., Any] | None = None
    folder: Path | None = None

    def load(self) -> Any:
        """Return what the target names; whatever its import raises is raised."""
        if self.call is not None:
            return self.call
        match = _TARGET.fullmatch(self.target)
        if match is None:
            raise ValueError(f"{self.target!r} is not a target: write 'package.module:function'")
        if self.folder is not None and str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        return attrgetter(match["attribute"])(importlib.import_module(match["module"]))


def installed_offers() -> Iterator[Offer]:
    """Yield what installed distributions declare as entry points."""
    for entry in importlib.metadata.entry_points(group=GROUP):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed distribution"
        yield Offer(name=entry.name, target=_canonical(entry.value), origin=f"{entry.value} of {package}")


def local_offers(folder: Path) -> Iterator[Offer]:
    """Yield ``[tool.squidmesh.steps]`` of the nearest ``squidmesh.toml`` or ``pyproject.toml`` that has it."""
    for path in find_files(folder, OWN_FILE, PROJECT_FILE):
        table = read_table(path, *OWN_TABLE, "steps")
        if table is None:
            continue
        for name, target in _flatten(table):
            yield Offer(name=name, target=_canonical(target), origin=f"{target} of {path}", folder=path.parent)
        return


def given_offers(extra: Mapping[str, Callable[..., Any]]) -> Iterator[Offer]:
    """Yield the callables that a host passes itself."""
    for name, call in extra.items():
        yield Offer(name=name, target=_identity(call), origin=f"{_identity(call)} given as an argument", call=call)


def declaring_project(name: str, folder: Path) -> Path | None:
    """Return the nearest ``pyproject.toml`` that declares a step type as an entry point, installed or not."""
    for path in find_files(folder, PROJECT_FILE):
        table = read_table(path, "project", "entry-points", GROUP)
        if table is not None and name in dict(_flatten(table)):
            return path
    return None


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and target; TOML reads an unquoted dotted name as tables in tables."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _canonical(target: str) -> str:
    match = _TARGET.fullmatch(target.strip())
    return f"{match['module']}:{match['attribute']}" if match else target.strip()


def _identity(call: Callable[..., Any]) -> str:
    """Return the target that names ``call``, or a text of its own if none does (a local function, an object)."""
    module, name = getattr(call, "__module__", None), getattr(call, "__qualname__", None)
    if module in sys.modules and name:
        try:
            if attrgetter(name)(sys.modules[module]) is call:
                return f"{module}:{name}"
        except AttributeError:
            pass
    return f"{name or type(call).__name__} at {id(call):#x}"
