"""SM701: what cannot be undone is not tried again blindly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import calls
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use in calls(subject):
        if use.action.irreversible and use.action.retry.max_attempts > 1:
            own = "retry" in (subject.document.data["steps"].get(use.name) or {})
            message = (
                f"{use.name!r} is irreversible and tried up to {use.action.retry.max_attempts} times; an attempt that "
                "failed may have had its effect" + ("" if own else " (the policy is that of 'defaults')")
            )
            path = ("steps", use.name or "", "retry" if own else "irreversible")
            yield subject.document.diagnostic("SM701", message, path, on="key", severity=Severity.WARNING)


_GOOD = """\
workflow: people.erase
triggers:
  by_hand: {manual: {}}
steps:
  erase:
    uses: people.erase
    irreversible: true
    next: complete
"""

RULE = Rule(
    code="SM701",
    name="retried-irreversible",
    severity=Severity.WARNING,
    summary="An irreversible step has a retry policy.",
    explanation=(
        "An attempt can fail after its effect happened: the letter was sent, the answer was lost. Trying again does it "
        "twice. Keep the policy only if the callable is idempotent, by the key in ctx.idempotency_key for example, and "
        "then say so with a comment '# squidmesh: ignore[SM701]'."
    ),
    bad=_GOOD.replace("irreversible: true", "irreversible: true\n    retry: {max_attempts: 3}"),
    good=_GOOD,
    check=_check,
)
