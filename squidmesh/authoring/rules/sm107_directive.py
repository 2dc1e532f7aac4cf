"""SM107: the file begins with a YAML directive."""

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

RULE = Rule(
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
)
