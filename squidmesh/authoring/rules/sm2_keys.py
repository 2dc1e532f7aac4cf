"""SM201, SM203, SM212, SM213: keys that are unknown, missing, misplaced or at odds."""

from __future__ import annotations

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.rules import Rule

_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand: {manual: {}}
steps:
  remind:
    uses: billing.remind
    retry: {max_attempts: 3}
    next: settle
  settle:
    log: {message: reminded}
    next: complete
"""

RULES = (
    Rule(
        code="SM201",
        name="unknown-key",
        severity=Severity.ERROR,
        summary="A key is not part of the workflow file.",
        explanation=(
            "A misspelt key that is silently ignored is a setting that never takes effect: a retry that does not "
            "retry, a time-out that never comes. The closest known key is offered."
        ),
        bad=_GOOD.replace("retry:", "retries:"),
        good=_GOOD,
    ),
    Rule(
        code="SM203",
        name="missing-key",
        severity=Severity.ERROR,
        summary="A required key is missing.",
        explanation="Without it there is nothing that could be meant, and so no default either.",
        bad=_GOOD.replace("{max_attempts: 3}", "{backoff: {min: 5s}}"),
        good=_GOOD,
    ),
    Rule(
        code="SM212",
        name="misplaced-key",
        severity=Severity.ERROR,
        summary="A key stands where it has no meaning.",
        explanation=(
            "A known key in the wrong place does nothing: log, wait, pause and approval have no attempts to retry, a "
            "manual trigger has no time zone, a number has no pattern."
        ),
        bad=_GOOD.replace("{message: reminded}", "{message: reminded}\n    timeout: 5s"),
        good=_GOOD,
    ),
    Rule(
        code="SM213",
        name="conflicting-keys",
        severity=Severity.ERROR,
        summary="Two keys of a step contradict each other.",
        explanation=(
            "An irreversible step cannot be undone, so it neither has a compensation nor is compensatable. "
            "allow_failure belongs to dependency-based workflows, where nothing routes an error."
        ),
        bad=_GOOD.replace("retry: {max_attempts: 3}", "irreversible: true\n    compensate: billing.take_back_reminder"),
        good=_GOOD.replace("retry: {max_attempts: 3}", "compensate: billing.take_back_reminder"),
    ),
)
