"""Who offers step types: packages, the project's own file, the host; found without importing anything."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import ConfigurationError, StepTypeConflict
from squidmesh.steps.registry import StepRegistry

if TYPE_CHECKING:
    from pathlib import Path


LOAD = "def load(invoice_id): return {}\ndef other(): return {}\n"


def test_this_package_registers_its_own(folder: Path):
    """http.request is a step type like any other."""
    registry = StepRegistry.discover(folder=folder)
    assert "http.request" in registry.names()
    assert registry.get("http.request").context_parameter == "ctx"


def test_discovery_imports_nothing(installed, folder: Path):
    """Names are listed from metadata; only what is asked for is imported."""
    installed(
        "billing", {"billing.a": "billing_a:load", "billing.b": "billing_b:load"}, billing_a=LOAD, billing_b="1 / 0"
    )
    registry = StepRegistry.discover(folder=folder)
    assert {"billing.a", "billing.b"} <= set(registry.names())
    registry.get("billing.a")
    assert "billing_a" in sys.modules
    assert "billing_b" not in sys.modules


def test_an_application_lists_its_step_types_in_its_file(folder: Path):
    """[tool.squidmesh.steps] of the nearest file; its folder is on the import path when they are imported."""
    (folder / "pyproject.toml").write_text('[tool.squidmesh.steps]\n"billing.load" = "billing_local:load"\n')
    (folder / "billing_local.py").write_text(LOAD)
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'inner'\n")

    registry = StepRegistry.discover(folder=inner)
    assert str(folder) not in sys.path
    try:
        step_type = registry.get("billing.load")
    finally:
        sys.modules.pop("billing_local", None)
    assert sys.path[0] == str(folder)
    assert step_type.origin == f"billing_local:load of {folder / 'pyproject.toml'}"


def test_squidmesh_toml_comes_before_pyproject_toml(folder: Path):
    """One file is read: the nearest, and of two in one folder our own."""
    (folder / "pyproject.toml").write_text('[tool.squidmesh.steps]\n"a.project" = "a:b"\n')
    (folder / "squidmesh.toml").write_text('[tool.squidmesh.steps]\n"a.own" = "a:b"\n')
    names = StepRegistry.discover(folder=folder).names()
    assert "a.own" in names
    assert "a.project" not in names


def test_an_unquoted_name_is_meant_as_it_reads(folder: Path):
    """TOML reads ``billing.load = …`` as a table in a table."""
    (folder / "squidmesh.toml").write_text('[tool.squidmesh.steps]\nbilling.load = "a:b"\nbilling.deep.er = "a:c"\n')
    assert {"billing.load", "billing.deep.er"} <= set(StepRegistry.discover(folder=folder).names())


def test_a_file_that_is_no_toml_is_named(folder: Path):
    """As for the settings of the same file."""
    (folder / "squidmesh.toml").write_text("[tool")
    with pytest.raises(ConfigurationError, match=r"squidmesh\.toml: cannot be read as TOML"):
        StepRegistry.discover(folder=folder)


def test_a_host_passes_callables_of_its_own(folder: Path):
    """Local functions and objects are step types without any registration."""
    registry = StepRegistry.discover(extra={"billing.load": lambda invoice_id: {}}, folder=folder)
    assert registry.get("billing.load").parameters[0].name == "invoice_id"


def test_one_target_offered_twice_is_no_conflict(installed, folder: Path):
    """By two packages, by a package and the project's file, or as the very object."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=LOAD)
    installed("billing_again", {"billing.load": "billing_steps : load [extra]"})
    (folder / "squidmesh.toml").write_text('[tool.squidmesh.steps]\n"billing.load" = "billing_steps:load"\n')
    load = StepRegistry.discover(folder=folder).get("billing.load").call
    assert StepRegistry.discover(extra={"billing.load": load}, folder=folder).get("billing.load").call is load


def test_two_targets_of_one_name_are_a_conflict(installed, folder: Path):
    """Neither wins, both origins are named, and the other names still work."""
    installed("billing", {"billing.load": "billing_steps:load", "billing.b": "billing_steps:other"}, billing_steps=LOAD)
    installed("fork", {"billing.load": "billing_steps:other"})
    registry = StepRegistry.discover(folder=folder)
    with pytest.raises(StepTypeConflict) as caught:
        registry.get("billing.load")
    assert set(caught.value.distributions) == {
        "billing_steps:load of billing 1.0",
        "billing_steps:other of fork 1.0",
    }
    assert "billing.load" in registry.names()
    assert "billing.load" not in registry.loadable()
    assert "billing.b" in registry.loadable()


def test_a_host_cannot_quietly_replace_a_registered_step_type(installed, folder: Path):
    """Another callable under a registered name is a conflict; ``replaced`` says so openly."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=LOAD)
    registry = StepRegistry.discover(extra={"billing.load": lambda **rest: {}}, folder=folder)
    with pytest.raises(StepTypeConflict):
        registry.get("billing.load")


def test_a_wrapper_is_not_what_it_wraps(installed, folder: Path):
    """Its name says the same module and function, but it is another object."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=LOAD)
    load = StepRegistry.discover(folder=folder).get("billing.load").call

    def wrapper(invoice_id):
        return load(invoice_id)

    wrapper.__module__, wrapper.__qualname__ = load.__module__, load.__qualname__
    with pytest.raises(StepTypeConflict):
        StepRegistry.discover(extra={"billing.load": wrapper}, folder=folder).get("billing.load")


def test_the_built_in_names_are_taken(folder: Path):
    """A step type called ``wait`` could never be told from the built-in."""
    with pytest.raises(StepTypeConflict, match="built in"):
        StepRegistry.discover(extra={"wait": lambda **rest: {}}, folder=folder).get("wait")


def test_a_declaration_that_was_not_installed_is_found(installed, folder: Path):
    """The linter can say: declared there, not in the installed metadata."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=LOAD)
    declared = '[project.entry-points."squidmesh.steps"]\n"billing.load" = "a:b"\n"billing.new" = "a:c"\n'
    (folder / "pyproject.toml").write_text(declared)
    inner = folder / "workflows"
    inner.mkdir()
    registry = StepRegistry.discover(folder=inner)
    assert registry.declared_elsewhere("billing.new") == folder / "pyproject.toml"
    assert registry.declared_elsewhere("billing.load") is None
    assert registry.declared_elsewhere("billing.unknown") is None


def test_names_of_the_installed_metadata_are_read_as_they_are_installed(folder: Path):
    """What importlib.metadata lists under our group is what the registry offers."""
    expected = {entry.name for entry in importlib.metadata.entry_points(group="squidmesh.steps")}
    assert expected == set(StepRegistry.discover(folder=folder).names())


def test_the_working_directory_is_the_default_folder(folder: Path):
    """A command run inside a project sees that project's step types."""
    (folder / "squidmesh.toml").write_text('[tool.squidmesh.steps]\n"a.own" = "a:b"\n')
    code = "from squidmesh.steps.registry import StepRegistry; print('a.own' in StepRegistry.discover().names())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True"
