"""SM705: a request that is repeated is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import calls
from squidmesh.authoring.rules import Rule, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for use in calls(subject):
        bounded = (
            use.action.timeout is not None or "timeout" in use.action.constants or "timeout" in (use.step.input or ())
        )
        if use.step_type == "http.request" and use.action.retry.max_attempts > 1 and not bounded:
            message = "a request that is retried needs a bound on each attempt; add 'timeout', such as 'timeout: 10s'"
            yield subject.document.diagnostic("SM705", message, use.path, severity=Severity.WARNING)


_GOOD = """\
workflow: shop.notify
triggers:
  by_hand: {manual: {}}
steps:
  call:
    uses: http.request
    with: {method: POST, url: "https://example.com/hooks/order"}
    timeout: 10s
    retry: {max_attempts: 5}
    next: complete
"""

RULE = Rule(
    code="SM705",
    name="http-timeout",
    severity=Severity.WARNING,
    summary="http.request is retried but has no timeout.",
    explanation=(
        "Retries are for servers that answer badly or late. Without a timeout of your own each attempt waits as long "
        "as the general default allows, and a slow server holds a worker's slot for all of them."
    ),
    bad=_GOOD.replace("    timeout: 10s\n", ""),
    good=_GOOD,
    check=_check,
)
