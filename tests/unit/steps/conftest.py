"""What the tests of step types share: a context to call a step with, and installed packages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.steps.context import StepContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FACTS: dict[str, Any] = {
    "run_id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "workflow": "billing.recovery",
    "trigger": "manual",
    "step": "charge",
    "attempt": 2,
    "max_attempts": 5,
    "payload": dict,
    "context": dict,
}


@pytest.fixture
def make_context() -> Callable[..., StepContext]:
    """Return a function that builds a context from the facts that a test cares about."""

    def make(**facts: Any) -> StepContext:
        return StepContext(**(FACTS | facts))

    return make


@pytest.fixture
def context(make_context: Callable[..., StepContext]) -> StepContext:
    """Return a context of no particular step."""
    return make_context()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that installs a distribution: its entry points and its modules, on the import path."""

    def install(name: str, entry_points: dict[str, str], **modules: str) -> Path:
        site = tmp_path / f"site-{name}"
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{step} = {target}" for step, target in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[squidmesh.steps]", *lines]))
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(site)
        return site

    before = set(sys.modules)
    yield install
    for module in set(sys.modules) - before:
        if module.startswith("billing_"):
            del sys.modules[module]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project folder; the import path is put back afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    project = tmp_path / "project"
    project.mkdir()
    return project
