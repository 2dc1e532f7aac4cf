"""The plugin's own mesh, on the databases of this suite."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from squidmesh.testing import DrivenMesh


@pytest.fixture
def squidmesh_database(database_url: str) -> str:
    """Take a database of this suite's server, instead of one that the plugin makes."""
    return database_url


@pytest.fixture
def steps() -> dict[str, Any]:
    """Step types of the test; fill it before the mesh is used."""
    return {}


@pytest.fixture
def mesh_options(tmp_path: Path, steps: dict[str, Any]) -> dict[str, Any]:
    """Take the workflows that the test writes, and its steps."""
    return {"workflows": tmp_path, "folder": tmp_path, "steps": steps}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], None]:
    """Write workflow files; ``TRIGGER`` stands for a manual one."""

    def write_file(text: str) -> None:
        number = len(list(tmp_path.glob("*.yaml")))
        content = textwrap.dedent(text).replace("TRIGGER", "triggers: {by_hand: {manual: {}}}")
        (tmp_path / f"{number}.yaml").write_text(content)

    return write_file


@pytest.fixture
def start(mesh: DrivenMesh, steps: dict[str, Any]) -> Callable[..., str]:
    """Start a run of the one workflow there is and return its id."""

    def start_run(**payload: Any) -> str:
        mesh._extra_steps.update(steps)
        (name,) = mesh.workflows
        return str(mesh.start_run(name, payload).id)

    return start_run
