"""What lies at the top of the repository, and nothing else."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
FOLDERS = {"squidmesh", "schemas", "workflows.example", "tests", "docs"}
DOTFILES = {".ci", ".github", ".gitignore", ".pre-commit-config.yaml", ".pre-commit-hooks.yaml"}


def ignored(root: Path) -> list[str]:
    """Return the patterns of ``.gitignore`` that a name at the top can match."""
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [".git", *(line.strip("/") for line in lines if line and not line.startswith("#"))]


def present(root: Path) -> set[str]:
    """Return the names at the top that git would keep."""
    patterns = ignored(root)
    return {path.name for path in root.iterdir() if not any(fnmatch.fnmatch(path.name, each) for each in patterns)}


def test_the_top_level_is_as_agreed(root: Path) -> None:
    """A new file at the top is a decision, not an accident; a missing one breaks what others rely on."""
    assert present(root) == FILES | FOLDERS | DOTFILES
