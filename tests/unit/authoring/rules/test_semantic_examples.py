"""The examples of the rules that look at graph, registry, conditions, schedules and safety."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.rules import Rule, all_rules
from squidmesh.errors import StepTypeBroken, StepTypeConflict
from squidmesh.steps.registry import StepRegistry

if TYPE_CHECKING:
    from squidmesh.steps.contract import StepType

RULES = [rule for rule in all_rules() if rule.code >= "SM3"]


def load_invoice(invoice_id: str) -> None:
    """Stand in for a step type."""


def charge(invoice_id: str, amount: int, currency: str = "EUR") -> None:
    """Stand in for a step type."""


def refund(step: Any, payload: Any) -> None:
    """Stand in for a compensation."""


def refund_charge(charge_id: str) -> None:
    """Stand in for what cannot be a compensation."""


async def fetch_rates(invoice_id: str) -> None:
    """Stand in for an async step type."""


class Registry(StepRegistry):
    """The step types that the examples name, one of them broken and one offered twice."""

    def get(self, name: str) -> StepType:
        """Return a step type of the examples, or fail as its name says."""
        if name.startswith("legacy."):
            raise StepTypeBroken(name, "No module named 'legacy'")
        if name.startswith("shared."):
            raise StepTypeConflict(name, ("alpha 1.0", "beta 2.0"))
        return super().get(name)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> StepRegistry:
    """Return a registry that knows nothing of this machine's projects."""
    functions = (load_invoice, charge, refund, refund_charge, fetch_rates)
    calls: dict[str, Any] = {f"billing.{function.__name__}": function for function in functions}
    calls |= {"legacy.load_invoice": load_invoice, "shared.load_invoice": load_invoice}
    return Registry.discover(extra=calls, folder=Path(tmp_path_factory.mktemp("empty")))


def lint(rule: Rule, text: str, registry: StepRegistry) -> list[Any]:
    """Return what is found in a text; step types are compared where the rule is about them."""
    return list(lint_text(text, "x.yaml", registry=registry if rule.code[:3] == "SM4" else None).diagnostics)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_bad_example_breaks_its_rule_alone(rule: Rule, registry: StepRegistry) -> None:
    """Each mistake is reported as itself, as severe as the rule says, in a line that exists."""
    found = lint(rule, rule.bad, registry)
    assert {diagnostic.code for diagnostic in found} == {rule.code}
    assert {diagnostic.severity for diagnostic in found} == {rule.severity}
    lines = rule.bad.split("\n")
    for diagnostic in found:
        marked = lines[diagnostic.span.line - 1][diagnostic.span.column - 1 : diagnostic.span.end_column - 1]
        assert marked.strip()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_good_example_is_good(rule: Rule, registry: StepRegistry) -> None:
    """What is recommended passes every rule."""
    assert lint(rule, rule.good, registry) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_registry_rules_need_a_registry(rule: Rule) -> None:
    """Without a registry no SM4xx is reported."""
    assert not [found for found in lint_text(rule.bad, "x.yaml").diagnostics if found.code.startswith("SM4")]
