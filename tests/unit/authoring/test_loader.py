"""Paths to workflows by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squidmesh.authoring.loader import load_workflows
from squidmesh.errors import InvalidWorkflow

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "workflow: {name}\ntriggers: {{go: {{manual: }}}}\nsteps:\n  one: {{log: {{message: hi}}, next: complete}}\n"


def write(folder: Path, **files: str) -> None:
    """Write files by stem."""
    for stem, text in files.items():
        (folder / f"{stem}.yaml").write_text(text)


def test_loads_every_workflow_by_name(tmp_path: Path) -> None:
    """A directory gives all of its workflows."""
    write(tmp_path, one=GOOD.format(name="a.one"), two=GOOD.format(name="a.two"))
    workflows = load_workflows([tmp_path])
    assert {name: workflow.name for name, workflow in workflows.items()} == {"a.one": "a.one", "a.two": "a.two"}


def test_refuses_two_files_of_one_name(tmp_path: Path) -> None:
    """Neither wins silently; the second is reported, naming the first."""
    write(tmp_path, one=GOOD.format(name="a.same"), two=GOOD.format(name="a.same"))
    with pytest.raises(InvalidWorkflow, match=r"two\.yaml:1:11: .*one\.yaml already.* \[SM215\]"):
        load_workflows([tmp_path])


def test_collects_the_errors_of_all_files(tmp_path: Path) -> None:
    """One exception carries everything; no workflow is loaded beside a broken one."""
    write(tmp_path, good=GOOD.format(name="a.good"), bad="steps: [", worse="")
    with pytest.raises(InvalidWorkflow) as caught:
        load_workflows([tmp_path, tmp_path / "gone.yaml"])
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["SM101", "SM105", "SM118"]


def test_refuses_a_directory_without_workflows(tmp_path: Path) -> None:
    """An application whose path is wrong does not start with no workflows."""
    with pytest.raises(InvalidWorkflow, match="SM119"):
        load_workflows([tmp_path])
