"""A generated project, used as its new owner would use it: in an empty folder, not installed, untouched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from squidmesh.authoring.lint import lint_text
from squidmesh.steps.registry import StepRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """An empty folder that every user can enter, as the server of an embedded database must, started by root."""
    folder = Path(tempfile.mkdtemp(prefix="squidmesh-init-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def run(empty: Path) -> Callable[..., Ran]:
    """Run a module as a command, in the project unless another folder is given, and wait for its end."""

    def run_module(*arguments: str, folder: Path | None = None, code: int = 0) -> Ran:
        ran = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=folder or empty / "expenses",
            env={name: value for name, value in os.environ.items() if not name.startswith("SQUIDMESH_")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran

    return run_module


@pytest.fixture(scope="module")
def project(empty: Path, run: Callable[..., Ran]) -> Path:
    """The project, just made; its workflow was tried once."""
    made = run("squidmesh", "init", "expenses", "--try", folder=empty)
    assert "✓ pay_expense" in made.stdout
    assert "this run completed" in made.stdout
    return empty / "expenses"


def test_it_validates_as_generated(project: Path, run: Callable[..., Ran]) -> None:
    """No check has anything to say, warnings and the canonical form included."""
    assert "nothing found" in run("squidmesh", "validate", "--fail-on", "warning").stderr
    run("squidmesh", "format", "--check", "workflows")
    run("yamllint", "--strict", ".")
    run("ruff", "check", "--isolated", "steps.py", "tests")


def test_its_tests_pass_as_generated(project: Path, run: Callable[..., Ran]) -> None:
    """Its tests run with the plugin on a private database, and leave the project as it was."""
    before = (project / "payments.jsonl").read_text()
    assert "5 passed" in run("pytest", "-q", "-W", "error").stdout
    assert (project / "payments.jsonl").read_text() == before


def test_a_large_expense_is_approved_and_paid(project: Path, run: Callable[..., Ran]) -> None:
    """What a run waits for is printed as commands that can be given as they stand."""
    tried = run("squidmesh", "try", "workflows/expense.yaml", "--payload", "amount=250").stdout
    lines = [line.strip().split() for line in tried.splitlines()]
    (approve,) = [line for line in lines if line[:2] == ["squidmesh", "approve"]]
    (work,) = [line for line in lines if line[:2] == ["squidmesh", "run"]]
    run(*approve, "--actor", "grace")
    run(*work)
    assert "completed" in run("squidmesh", "inspect", approve[2]).stdout
    paid = [json.loads(line)["amount"] for line in (project / "payments.jsonl").read_text().splitlines()]
    assert paid.count(250) == 1


def test_an_editor_completes_keys_and_step_names(project: Path) -> None:
    """The schema that the editor's settings name has the keys, and the project's step types as choices."""
    settings = json.loads((project / ".vscode" / "settings.json").read_text())
    ((name, patterns),) = settings["yaml.schemas"].items()
    schema = json.loads((project / name).read_text())
    assert "workflows/**/*.yaml" in patterns
    assert {"expenses.check", "expenses.pay", "http.request"} <= set(schema["definitions"]["step_type"]["enum"])
    assert "retry" in json.dumps(schema["definitions"])
    first = (project / "workflows" / "expense.yaml").read_text().splitlines()[0]
    assert (project / "workflows" / first.partition("$schema=")[2]).resolve() == (project / name).resolve()


def test_a_misspelt_step_is_found(project: Path) -> None:
    """The linter knows the project's steps without their being installed."""
    text = (project / "workflows" / "expense.yaml").read_bytes().replace(b"expenses.pay", b"expenses.pai")
    found = lint_text(text, "expense.yaml", registry=StepRegistry.discover(folder=project)).diagnostics
    assert [each.code for each in found] == ["SM401"]
    assert "expenses.pay" in str(found[0])


def test_nothing_is_overwritten(run: Callable[..., Ran], tmp_path: Path) -> None:
    """One file that is there already is named, and nothing at all is written."""
    (tmp_path / "steps.py").write_text("mine")
    refused = run("squidmesh", "init", ".", folder=tmp_path, code=2)
    assert refused.stderr.strip() == "error: nothing is written, because there is already, in .: steps.py"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("steps.py", "mine")]


def test_a_folder_that_cannot_be_written_is_one_message(run: Callable[..., Ran], tmp_path: Path) -> None:
    """A path through a file ends in a message, not in a traceback."""
    (tmp_path / "file").touch()
    refused = run("squidmesh", "init", "file/project", folder=tmp_path, code=2)
    assert refused.stderr.startswith("error: ")
    assert "Traceback" not in refused.stderr
