"""The hooks of pre-commit: those that this repository offers, and those that ``squidmesh init`` writes."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from squidmesh.cli.main import COMMANDS

OFFERED = (Path(__file__).parents[3] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
WRITTEN = (files("squidmesh.cli") / "project" / "pre-commit-config.yaml.txt").read_text(encoding="utf-8")
HOOKS: list[dict[str, Any]] = [
    *YAML(typ="safe").load(OFFERED),
    *(hook for repo in YAML(typ="safe").load(WRITTEN)["repos"] for hook in repo["hooks"]),
]


def takes(hook: dict[str, Any], path: str) -> bool:
    """Return whether pre-commit passes a changed file on: both patterns are searched for in its path."""
    excluded = "exclude" in hook and re.search(hook["exclude"], path)
    return bool(re.search(hook["files"], path)) and not excluded


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_check_workflow_files_alone(hook: dict[str, Any]) -> None:
    """YAML of others is left alone, first of all what stands in hidden folders."""
    assert all(takes(hook, path) for path in ("workflows/a.yaml", "workflows/deep/er/a.yml"))
    others = (".github/workflows/ci.yml", "shop/.github/workflows/ci.yaml", "compose.yaml", "workflows/a.py")
    assert [path for path in others if takes(hook, path)] == []


def test_offered_hooks_look_below_any_folder() -> None:
    """A package keeps its workflows beside its modules."""
    assert all(takes(hook, "src/shop/workflows/a.yaml") for hook in YAML(typ="safe").load(OFFERED))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_run_in_the_environment_of_the_project(hook: dict[str, Any]) -> None:
    """In one of their own no step type of the project would be registered."""
    tool, command = hook["entry"].split()
    assert (hook["language"], tool, command in COMMANDS) == ("system", "squidmesh", True)
    assert hook["require_serial"]
