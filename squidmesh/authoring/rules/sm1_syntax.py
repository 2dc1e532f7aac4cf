"""SM101, SM103, SM104, SM105, SM107: what makes a text one YAML document."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, next: complete}
"""

RULES = (
    Rule(
        code="SM101",
        name="syntax",
        severity=Severity.ERROR,
        summary="The file is not YAML.",
        explanation=(
            "A reader that guesses what a broken file means would run something that nobody wrote. Reading ends at "
            "the first such place, so the rest of the file is checked once it is mended."
        ),
        bad="""\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}
steps:
  remind: {uses: billing.remind, next: complete}
""",
        good=_GOOD,
    ),
    Rule(
        code="SM103",
        name="tab",
        severity=Severity.ERROR,
        summary="A tab stands where YAML wants spaces.",
        explanation=(
            "YAML indents by spaces alone, because no two editors agree how wide a tab is. Inside a text a tab is "
            "fine. Let the editor write spaces in YAML files."
        ),
        bad="""\
workflow: billing.reminder
triggers:
\tby_hand: {manual: {}}
steps:
  remind: {uses: billing.remind, next: complete}
""",
        good=_GOOD,
    ),
    Rule(
        code="SM104",
        name="several-documents",
        severity=Severity.ERROR,
        summary="The file holds more than one YAML document.",
        explanation=(
            "One file declares one workflow: that is how a workflow is found by its file, reviewed and diffed. "
            "Everything after a second '---' would be ignored by some readers and taken by others."
        ),
        bad=_GOOD + "---\n" + _GOOD.replace("reminder", "second_reminder"),
        good=_GOOD,
    ),
    Rule(
        code="SM105",
        name="empty-file",
        severity=Severity.ERROR,
        summary="The file holds no document.",
        explanation=(
            "Every YAML file in a workflows directory must be a workflow. An empty one is a file that somebody "
            "forgot to save or to delete."
        ),
        bad="# to be written\n",
        good=_GOOD,
    ),
    Rule(
        code="SM107",
        name="directive",
        severity=Severity.ERROR,
        summary="The file begins with a YAML directive.",
        explanation=(
            "A workflow is YAML 1.2. A %YAML 1.1 line would make other readers turn no, on and 1:30 into values "
            "that the author did not write, and %TAG only serves tags, which are not accepted either."
        ),
        bad="%YAML 1.1\n---\n" + _GOOD,
        good=_GOOD,
    ),
)
