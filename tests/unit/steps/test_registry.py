"""The registry: each step type imported once, when it is asked for, and what is broken kept apart."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from squidmesh.errors import StepTypeBroken, StepTypeNotFound
from squidmesh.steps import registry as registry_module
from squidmesh.steps.registry import StepRegistry

if TYPE_CHECKING:
    from pathlib import Path


LOAD = "def load(invoice_id): return {}\ndef other(): return {}\n"


def test_an_installed_step_type_is_found_and_described(installed, folder: Path):
    """An entry point is enough, and its origin names target and distribution."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=LOAD)
    step_type = StepRegistry.discover(folder=folder).get("billing.load")
    assert step_type.call is sys.modules["billing_steps"].load
    assert step_type.origin == "billing_steps:load of billing 1.0"
    assert step_type.parameters[0].name == "invoice_id"


def test_an_unknown_name_is_answered_with_a_close_one(installed, folder: Path):
    """The error carries every known name."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=LOAD)
    with pytest.raises(StepTypeNotFound, match=r"did you mean 'billing\.load'\?"):
        StepRegistry.discover(folder=folder).get("billing.laod")


@pytest.mark.parametrize(
    ("target", "source", "reason"),
    [
        ("billing_steps:load", "1 / 0", "ZeroDivisionError: division by zero"),
        ("billing_steps:load", "import billing_absent", "ModuleNotFoundError: No module named 'billing_absent'"),
        ("billing_steps:load", "raise SystemExit(3)", "SystemExit: 3"),
        ("billing_steps:load", "def load(:", "SyntaxError: invalid syntax (billing_steps.py, line 1)"),
        ("billing_steps:absent", LOAD, "AttributeError: module 'billing_steps' has no attribute 'absent'"),
        ("billing_absent:load", LOAD, "ModuleNotFoundError: No module named 'billing_absent'"),
        ("billing_steps.load", LOAD, "'billing_steps.load' is not a target: write 'package.module:function'"),
        ("billing_steps:load", "load = 3", "is a int, which cannot be called"),
    ],
)
def test_a_broken_step_type_is_kept_with_its_reason(folder: Path, target: str, source: str, reason: str):
    """Listing goes on, asking for it raises each time, with the import's own error."""
    (folder / "squidmesh.toml").write_text(f'[tool.squidmesh.steps]\n"billing.load" = "{target}"\n')
    (folder / "billing_steps.py").write_text(source)
    registry = StepRegistry.discover(folder=folder)
    try:
        assert "billing.load" in registry.names()
        assert "billing.load" not in registry.loadable()
        for _ in range(2):
            with pytest.raises(StepTypeBroken) as caught:
                registry.get("billing.load")
            assert reason in caught.value.reason
            assert target in caught.value.reason
    finally:
        sys.modules.pop("billing_steps", None)


def test_the_import_error_is_the_cause(installed, folder: Path):
    """With --debug a person sees where the import broke; each raise is an exception of its own."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps="1 / 0")
    registry = StepRegistry.discover(folder=folder)
    with pytest.raises(StepTypeBroken) as first:
        registry.get("billing.load")
    with pytest.raises(StepTypeBroken) as second:
        registry.get("billing.load")
    assert isinstance(first.value.__cause__, ZeroDivisionError)
    assert second.value.__cause__ is first.value.__cause__
    assert second.value is not first.value


COUNTING = """
import pathlib
with open({ledger!r}, "a") as ledger:
    ledger.write("x")
{rest}
"""


@pytest.mark.parametrize("rest", ["def load(): return {}", "1 / 0"])
def test_many_threads_import_once(installed, folder: Path, tmp_path: Path, rest: str):
    """Whether it succeeds or not, a step type is imported one time, and everybody gets the same answer."""
    ledger = tmp_path / "ledger"
    source = COUNTING.format(ledger=str(ledger), rest=rest)
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=source)
    registry = StepRegistry.discover(folder=folder)
    start, answers = threading.Barrier(8), []

    def ask():
        start.wait()
        try:
            answers.append(registry.get("billing.load"))
        except StepTypeBroken as error:
            answers.append(error.reason)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.read_text() == "x"
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)


def test_a_module_that_asks_for_its_own_step_type_is_told(installed, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Instead of waiting for itself, or being imported a second time."""
    source = "import sys\nsys.billing_registry.get('billing.load')\ndef load(): return {}\n"
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=source)
    registry = StepRegistry.discover(folder=folder)
    monkeypatch.setattr(sys, "billing_registry", registry, raising=False)
    with pytest.raises(StepTypeBroken, match="asks for it while it is being imported"):
        registry.get("billing.load")


def test_an_interrupted_import_is_no_verdict(installed, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Ctrl-C during an import goes through, and the next one asks again."""
    installed("billing", {"billing.load": "billing_steps:load"}, billing_steps=LOAD)
    registry = StepRegistry.discover(folder=folder)
    with monkeypatch.context() as patched:
        patched.setattr(registry_module, "describe", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            registry.get("billing.load")
    assert registry.get("billing.load").name == "billing.load"


def test_a_replacement_leaves_the_original_registry_alone(installed, folder: Path):
    """Tests replace one step type; the others are shared and not loaded again."""
    installed("billing", {"billing.load": "billing_steps:load", "billing.b": "billing_steps:other"}, billing_steps=LOAD)
    registry = StepRegistry.discover(folder=folder)
    replaced = registry.replaced({"billing.load": lambda faked: {}, "billing.new": lambda **rest: {}})
    assert replaced.get("billing.load").parameters[0].name == "faked"
    assert registry.get("billing.load").parameters[0].name == "invoice_id"
    assert replaced.get("billing.b") is registry.get("billing.b")
    assert "billing.new" in replaced.names()
    assert "billing.new" not in registry.names()
