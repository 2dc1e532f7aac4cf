"""One pass over one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squidmesh.authoring import lint
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, next: complete}
"""


def rule(code: str, severity: Severity) -> Rule:
    """Return a rule that has something to say about every step."""

    def check(subject: Subject) -> Iterator[Diagnostic]:
        for name in subject.workflow.steps:
            yield subject.document.diagnostic(code, f"about {name}", ("steps", name), severity=severity, on="key")

    return Rule(code=code, name="some", severity=severity, summary="", explanation="", bad="", good="", check=check)


@pytest.fixture
def two_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a warning and an error be the only rules."""
    rules = (rule("SM799", Severity.WARNING), rule("SM399", Severity.ERROR))
    monkeypatch.setattr(lint, "all_rules", lambda: rules)


def codes(text: str) -> list[str]:
    """Return the codes of everything found."""
    return [diagnostic.code for diagnostic in lint_text(text, "x.yaml").diagnostics]


def test_a_good_file_gives_its_workflow() -> None:
    """Nothing found: the workflow is there, and may be loaded."""
    result = lint_text(GOOD, "x.yaml")
    assert result.ok
    assert result.workflow is not None
    assert result.workflow.name == "billing.reminder"


@pytest.mark.usefixtures("two_rules")
def test_a_workflow_of_the_right_shape_is_there_beside_errors() -> None:
    """What only the rules object to can still be drawn, but not loaded."""
    result = lint_text(GOOD, "x.yaml")
    assert result.workflow is not None
    assert not result.ok


@pytest.mark.usefixtures("two_rules")
def test_rules_run_beside_mendable_errors() -> None:
    """A misspelt key and a bad value do not hide what the rules find elsewhere; the workflow is not handed out."""
    text = GOOD.replace("uses:", "use:").replace("workflow:", "timeout: 5\ndescripton: x\nworkflow:")
    result = lint_text(text, "x.yaml")
    assert [diagnostic.code for diagnostic in result.diagnostics] == ["SM208", "SM201", "SM399", "SM799", "SM201"]
    assert result.workflow is None


@pytest.mark.usefixtures("two_rules")
@pytest.mark.parametrize("change", [("steps:", "5:"), ("steps:", "steps: 5\nother:"), (GOOD, "- 5\n")])
def test_rules_wait_where_the_meaning_is_open(change: tuple[str, str]) -> None:
    """Where it is unknown what a file means, rules would report what is not there."""
    assert not {"SM399", "SM799"} & set(codes(GOOD.replace(*change)))


@pytest.mark.usefixtures("two_rules")
@pytest.mark.parametrize(
    "change", [("next: complete", "next: 5"), ("uses: billing.remind", "uses: 5"), ("manual: {}", "payload: 5")]
)
def test_rules_run_beside_what_has_a_stand_in(change: tuple[str, str]) -> None:
    """What is broken in one part says nothing of the others, unless the rule looks at that part."""
    assert {"SM399", "SM799"} <= set(codes(GOOD.replace(*change)))


@pytest.mark.usefixtures("two_rules")
def test_findings_are_sorted_by_place() -> None:
    """Whichever part found it, the order is that of the file."""
    text = GOOD + "  settle: {uses: billing.settle, next: complete, extra: 1}\n"
    assert codes(text) == ["SM399", "SM799", "SM399", "SM799", "SM201"]


@pytest.mark.usefixtures("two_rules")
@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("next: complete}", "next: complete}  # squidmesh: ignore[SM799]"),
        GOOD.replace("  remind:", "  # squidmesh: ignore[SM799, SM702]\n  remind:"),
        GOOD.replace("  remind:", "  #squidmesh:ignore[SM702,SM799] because it is known\n  remind:"),
        GOOD.replace("  remind:", "  # Squidmesh : ignore [ sm702 sm799 ]\n  remind:"),
    ],
)
def test_a_comment_silences_a_warning(text: str) -> None:
    """On its line or on the comment line above, by code."""
    assert codes(text) == ["SM399"]


@pytest.mark.usefixtures("two_rules")
@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("next: complete}", "next: complete}  # squidmesh: ignore[SM399]"),
        GOOD.replace("next: complete}", "next: complete}  # squidmesh: ignore[SM798]"),
        GOOD.replace("steps:", "steps:  # squidmesh: ignore[SM799]"),
        GOOD.replace("steps:", "# squidmesh: ignore[SM799]\nsteps:"),
        GOOD.replace("  remind:", "  # squidmesh: ignored[SM799]\n  remind:"),
    ],
)
def test_a_comment_silences_nothing_else(text: str) -> None:
    """Errors stay, and so do other codes and other lines."""
    assert codes(text) == ["SM399", "SM799"]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# squidmesh: ignore[SM999]", "5:23: no rule has the code 'SM999', so that it silences nothing"),
        ("# squidmesh: ignore [sm701, sm72]", "5:31: no rule has the code 'sm72'"),
        ("# squidmesh: ignore SM701", "5:3: this comment silences nothing; name the codes"),
        ("# squidmesh: ignore[]", "5:3: this comment silences nothing"),
    ],
)
def test_a_comment_that_silences_nothing_is_told(comment: str, expected: str) -> None:
    """A misspelt code does not wait for the day on which somebody wonders."""
    found = lint_text(GOOD.replace("  remind:", f"  {comment}\n  remind:"), "x.yaml").diagnostics
    assert [(each.code, each.severity, expected in str(each)) for each in found] == [("SM709", Severity.WARNING, True)]


def test_what_silences_a_warning_is_no_warning() -> None:
    """Known codes pass, in any case, and one of no rule may be silenced, too."""
    for comment in ("# squidmesh: ignore[sm701]", "# squidmesh: ignore[SM709, SM999]", "# see squidmesh: it is good"):
        assert codes(GOOD.replace("  remind:", f"  {comment}\n  remind:")) == []


def test_a_bad_name_does_not_hide_that_a_step_does_nothing() -> None:
    """Two things may be wrong at one key, and then what cannot be compiled is not."""
    text = GOOD.replace("remind: {uses: billing.remind,", "Remind: {")
    assert codes(text) == ["SM205", "SM209"]


def test_a_known_key_is_no_misspelling_of_a_kind() -> None:
    """'with' is close to 'wait', but a step that has only that still does nothing."""
    assert "SM205" in codes(GOOD.replace("uses: billing.remind,", "with: {a: 1},"))


def test_one_place_is_reported_once() -> None:
    """A key that is no text is not reported as a bad name as well."""
    assert codes(GOOD.replace("by_hand", "1")) == ["SM109"]


@pytest.mark.usefixtures("two_rules")
def test_the_findings_of_a_rule_are_bounded() -> None:
    """A thousand steps that break one rule are five hundred findings of it."""
    steps = "".join(f"  s{number}: {{uses: a.b, next: complete}}\n" for number in range(lint.MOST_OF_ONE_RULE + 1))
    found = codes(GOOD + steps)
    assert (found.count("SM399"), found.count("SM799")) == (lint.MOST_OF_ONE_RULE, lint.MOST_OF_ONE_RULE)


def test_text_that_cannot_be_read_gives_only_that() -> None:
    """There is no document to check any further."""
    result = lint_text(b"\xff", "x.yaml")
    assert (result.workflow, result.document) == (None, None)
    assert [diagnostic.code for diagnostic in result.diagnostics] == ["SM115"]
