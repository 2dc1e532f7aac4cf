"""``squidmesh graph``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from squidmesh.cli.graph import command

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = "workflow: shop.x\ntriggers: {t: {manual: {}}}\nsteps: {a: {uses: b, next: complete}}\n"


@pytest.mark.parametrize(
    ("form", "start"), [("text", "shop.x: 1 step"), ("mermaid", "flowchart"), ("dot", 'digraph "shop.x"')]
)
def test_draws_a_file(form: str, start: str, tmp_path: Path) -> None:
    """Each format begins as its readers expect."""
    (tmp_path / "x.yaml").write_text(WORKFLOW)
    result = CliRunner().invoke(command, [str(tmp_path / "x.yaml"), "--format", form])
    assert result.exit_code == 0
    assert result.stdout.startswith(start)


def test_reads_standard_input() -> None:
    """A draft need not be a file, and the terminal's form is the default."""
    assert CliRunner().invoke(command, ["-"], input=WORKFLOW).stdout.startswith("shop.x")


def test_what_is_no_workflow_is_reported() -> None:
    """There is nothing to draw: the findings say why."""
    result = CliRunner().invoke(command, ["-"], input="workflow: x\n")
    assert result.exit_code == 1
    assert "SM203" in result.stderr
