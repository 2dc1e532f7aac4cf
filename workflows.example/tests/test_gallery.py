"""What holds for every workflow of the gallery."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
WORKFLOWS = sorted((PROJECT / "workflows").glob("*.yaml"))


@pytest.mark.parametrize("command", [["validate", "--fail-on", "warning"], ["format", "--check"]], ids=" ".join)
def test_nothing_is_found(command: list[str]) -> None:
    """Each file passes the linter without a warning, its step types included, and is in the canonical form."""
    arguments = [sys.executable, "-m", "squidmesh", *command, str(PROJECT / "workflows")]
    found = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_the_readme_says_what_it_shows(workflow: Path) -> None:
    """No workflow is left out of the table."""
    assert f"| `{workflow.name}` |" in (PROJECT / "README.md").read_text(encoding="utf-8")
