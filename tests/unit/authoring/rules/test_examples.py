"""The examples of every rule, which the docs show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from squidmesh.authoring import rules as package
from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.rules import Rule, all_rules

OWN = [rule for rule in all_rules() if re.match("SM[12]", rule.code)]
SHOWN = [rule for rule in OWN if rule.bad]
# Their faults are no matter of one file's text.
WITHOUT_BAD = {"SM114", "SM115", "SM118", "SM119", "SM215"}


def found(text: str) -> list[str]:
    """Return the codes of what is wrong with a text, step types aside."""
    return [diagnostic.code for diagnostic in lint_text(text, "example.yaml").diagnostics]


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.code)
def test_the_bad_example_breaks_its_rule_alone(rule: Rule) -> None:
    """Whoever reads the example sees one mistake."""
    assert set(found(rule.bad)) == {rule.code}


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.code)
def test_the_good_example_is_good(rule: Rule) -> None:
    """What is recommended passes every rule."""
    assert found(rule.good) == []


def test_only_what_no_text_can_show_has_no_bad_example() -> None:
    """A rule without an example is an exception that is named here."""
    assert {rule.code for rule in OWN if not rule.bad} == WITHOUT_BAD


def test_codes_and_names_are_unique() -> None:
    """A code means one thing, and so does a name."""
    rules = all_rules()
    assert len({rule.code for rule in rules}) == len({rule.name for rule in rules}) == len(rules)


def test_every_rule_has_a_file_of_its_name() -> None:
    """Whoever looks for a code or a name among the files finds the rule, alone in its file."""
    files = {path.stem for path in Path(package.__path__[0]).glob("[!_]*.py")}
    assert files == {f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in all_rules()}


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_every_rule_is_described(rule: Rule) -> None:
    """A summary is one sentence, a name is kebab-case, an explanation is there."""
    assert re.fullmatch(r"SM\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert rule.summary.endswith(".")
    assert "\n" not in rule.summary
    assert len(rule.explanation) > len("too short")
