"""SM404: each parameter that a callable insists on gets a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.registered import Use, calls
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import Upstream, find_step_type, provisions
from squidmesh.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if subject.registry is None or is_mixed(subject):
        return
    known = provisions(subject)
    for use in calls(subject):
        step_type = find_step_type(subject, use.step_type)
        upstream = known.before(use.name) if use.name else known.at_end()
        for parameter in step_type.parameters if step_type else ():
            if not parameter.required or parameter.name in use.action.constants:
                continue
            if use.step.input is not None:
                if parameter.name not in use.step.input:
                    message = _not_passed(use, parameter.name, upstream)
                    yield subject.document.diagnostic("SM404", message, (*use.place, "input"), on="key")
            elif not upstream.provides(parameter.name):
                message = _not_provided(use, parameter.name, upstream, known.provider(parameter.name))
                yield subject.document.diagnostic("SM404", message, use.path)


def _not_passed(use: Use, name: str, upstream: Upstream) -> str:
    remedy = "add it to 'input'" if upstream.provides(name) else "add it to 'input' with its path, or to 'with'"
    return f"{use.step_type!r} needs {name!r}, which 'input' does not pass; {remedy}"


def _not_provided(use: Use, name: str, upstream: Upstream, elsewhere: str | None) -> str:
    near = suggestion(name, upstream.context)
    missing = f"{use.step_type!r} needs {name!r}, which neither the payload nor an earlier step provides"
    if near:
        return f"{missing}{near}; map it with 'input'"
    if elsewhere:
        return f"{missing}; the step {elsewhere!r} does, but does not run before this step"
    return f"{missing}; declare it in the payload, or give it with 'input' or 'with'"


_GOOD = """\
workflow: billing.collect
triggers:
  by_hand:
    manual: {}
    payload: {invoice_id: {type: string}}
steps:
  load: {uses: billing.load_invoice, output: invoice, next: charge}
  charge:
    uses: billing.charge
    input: {invoice_id: invoice_id, amount: invoice.amount}
    next: complete
"""

RULE = Rule(
    code="SM404",
    name="missing-parameter",
    severity=Severity.ERROR,
    summary="A callable has a parameter without default that nothing provides.",
    explanation=(
        "Parameters are bound by name from the step's input (by default the whole context) and from with. A parameter "
        "without default that stays empty fails the step for good as missing_input, in every run. A step without "
        "output merges whatever its callable returns, so after such a step anything may be provided."
    ),
    bad=_GOOD.replace(", amount: invoice.amount", ""),
    good=_GOOD,
    check=_check,
)
