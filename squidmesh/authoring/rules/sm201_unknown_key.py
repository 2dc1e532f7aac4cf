"""SM201: a key is not part of the workflow file."""

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

RULE = Rule(
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
)
