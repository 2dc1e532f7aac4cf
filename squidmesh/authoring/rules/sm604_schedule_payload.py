"""SM604: a schedule can fill its payload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, trigger in subject.workflow.triggers.items():
        for field_name, field in trigger.payload.items() if trigger.cron else ():
            if field.required:
                message = f"nobody gives {field_name!r} when the clock starts a run; add a default or 'required: false'"
                yield subject.document.diagnostic("SM604", message, ("triggers", name, "payload", field_name), on="key")


_GOOD = """\
workflow: billing.nightly
triggers:
  nightly:
    cron: "30 3 * * 1-5"
    payload:
      day: {type: string, default: {today: iso8601}}
steps:
  collect: {uses: billing.collect, next: complete}
"""

RULE = Rule(
    code="SM604",
    name="schedule-payload",
    severity=Severity.ERROR,
    summary="A payload field of a cron trigger has no default.",
    explanation=(
        "A run that the clock starts takes its payload from defaults alone. A required field without one would make "
        "every such start fail. {today: iso8601} and {now: iso8601} give the moment that the run is for."
    ),
    bad=_GOOD.replace("{type: string, default: {today: iso8601}}", "{type: string}"),
    good=_GOOD,
    check=_check,
)
