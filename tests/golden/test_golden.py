"""Broken workflow files and what is said about each, word for word.

A case is ``NAME.txt``, the findings in the ``full`` form, beside ``NAME.yaml`` or a directory ``NAME``; the name
begins with the code that it is about. Cases in ``registry`` are compared with the step types below. After a change that
is meant, ``python tests/golden/test_golden.py`` writes the expectations anew: read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from squidmesh.authoring.loader import lint_files
from squidmesh.authoring.render import full
from squidmesh.authoring.render.report import Report
from squidmesh.authoring.rules import all_rules
from squidmesh.steps.registry import StepRegistry

FOLDER = Path(__file__).parent
# No file in a repository can show these: its size, or that it may not be read. Unit tests do.
WITHOUT_FILE = {"SM114", "SM118", "SM215"}


def remind(invoice_id: str, tone: str = "friendly", **more: Any) -> dict[str, Any]:
    """Stand in for a registered step type."""
    return {}


def load_invoice(invoice_id: str) -> dict[str, Any]:
    """Stand in for a step type of one parameter."""
    return {}


async def fetch_rates(invoice_id: str) -> dict[str, Any]:
    """Stand in for an async step type."""
    return {}


def charge(invoice_id: str, amount: int, currency: str = "EUR") -> dict[str, Any]:
    """Stand in for a step type of several parameters."""
    return {}


def refund(step: dict[str, Any], payload: dict[str, Any]) -> None:
    """Stand in for a compensation."""


def refund_charge(charge_id: str) -> None:
    """Stand in for a step type that cannot be a compensation."""


def close(invoice: dict[str, Any], rates: dict[str, Any], refund: dict[str, Any] | None = None) -> None:
    """Stand in for a step type that joins."""


STEP_TYPES = {
    "billing.remind": remind,
    "billing.load_invoice": load_invoice,
    "billing.fetch_rates": fetch_rates,
    "billing.charge": charge,
    "billing.refund": refund,
    "billing.refund_charge": refund_charge,
    "billing.close": close,
    "shared.load_invoice": json.loads,
}


def cases() -> list[Path]:
    """Return the inputs: every YAML file and directory that has a code in its name."""
    found = [path for path in FOLDER.rglob("sm*") if path.suffix == ".yaml" or path.is_dir()]
    return sorted(found)


def rendered(case: Path) -> str:
    """Return what is said about a case, its file named as it is called in its folder."""
    registry = StepRegistry.discover(extra=STEP_TYPES, folder=case.parent) if case.parent.name == "registry" else None
    before = Path.cwd()
    os.chdir(case.parent)
    try:
        _, found = lint_files([case.name], registry)
    finally:
        os.chdir(before)
    text = full.render(Report(files=(case.name,), diagnostics=tuple(found))) + "\n"
    return text.replace(f"{case.parent}{os.sep}", "")


def expectation(case: Path) -> Path:
    """Return the file that says what is expected."""
    return case.with_name(case.name.removesuffix(".yaml") + ".txt")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_says_what_is_expected(case: Path) -> None:
    """Each broken file is reported as it was reviewed: code, place, words, excerpt and caret."""
    assert rendered(case) == expectation(case).read_text(encoding="utf-8")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_shows_the_code_of_its_name(case: Path) -> None:
    """A case shows the rule that it is named after."""
    code = case.name[:5].upper()
    assert f"[{code}]" in expectation(case).read_text(encoding="utf-8")


def test_every_rule_has_a_case() -> None:
    """No rule goes without a file that shows it."""
    shown = {case.name[:5].upper() for case in cases()}
    assert {rule.code for rule in all_rules()} - shown == WITHOUT_FILE


if __name__ == "__main__":
    for path in cases():
        expectation(path).write_text(rendered(path), encoding="utf-8")
