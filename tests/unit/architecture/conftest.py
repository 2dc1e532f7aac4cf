"""The project's own source, parsed once for the rules of the house."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One module: its dotted name, its text, and its syntax tree."""

    name: str
    text: str
    tree: ast.Module

    def within(self, *packages: str) -> bool:
        """Tell whether the module is one of the packages or lies in one."""
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


def read(name: str, text: str) -> Source:
    """Parse the text of a module."""
    return Source(name=name, text=text, tree=ast.parse(text))


def dotted(path: Path) -> str:
    """Return the name under which a file of the package is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every module of the package."""
    return [read(dotted(path), path.read_text(encoding="utf-8")) for path in sorted((ROOT / "squidmesh").rglob("*.py"))]


@pytest.fixture(scope="session")
def module() -> type[Source]:
    """Make a module from text, for the examples that break a rule."""
    return read  # type: ignore[return-value]  # a function is as good as a class to call
