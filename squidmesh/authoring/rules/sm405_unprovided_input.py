"""SM405: the paths of ``input`` and ``until`` lead to something."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.edges import is_mixed
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.authoring.upstream import Provisions, Upstream, provisions
from squidmesh.errors import suggestion
from squidmesh.expressions import FAILURE_VARIABLES, RUN_VARIABLES
from squidmesh.model.definition import Step, Wait
from squidmesh.model.path import first_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.authoring.document import Place


_LISTED = 10


def _check(subject: Subject) -> Iterator[Diagnostic]:
    if subject.registry is None or is_mixed(subject):
        return
    known = provisions(subject)
    places: list[tuple[Place, Step, Upstream]] = [
        (("steps", name), step, known.before(name)) for name, step in subject.workflow.steps.items()
    ]
    if subject.workflow.on_failure is not None:
        places.append((("on_failure",), subject.workflow.on_failure, known.at_end()))
    for place, step, upstream in places:
        for path, text in _paths(subject, place, step):
            message = _problem(text, upstream, known)
            if message:
                yield subject.document.diagnostic("SM405", message, path)


def _paths(subject: Subject, place: Place, step: Step) -> Iterator[tuple[Place, str]]:
    """Yield each path that a step reads, and where it stands."""
    data = subject.document.data
    for segment in place:
        data = data[segment]
    listed = isinstance(data.get("input"), list)
    for index, (parameter, text) in enumerate((step.input or {}).items()):
        yield (*place, "input", index if listed else parameter), text
    if isinstance(step.action, Wait) and step.action.until is not None:
        yield (*place, "wait", "until"), step.action.until


def _problem(text: str, upstream: Upstream, known: Provisions) -> str | None:
    root, key = first_key(text)
    if root is not None and not key:
        return None
    match root:
        case None | "context":
            return None if upstream.provides(key) else _unprovided(key, upstream, known)
        case "payload":
            if key in upstream.payload:
                return None
            return f"no trigger declares the payload field {key!r}{suggestion(key, upstream.payload)}"
        case "failure":
            if not upstream.failure:
                return "no failure can be known here: no 'error' route leads to this step"
            return _unknown(root, key, tuple(FAILURE_VARIABLES))
        case _:
            return _unknown("run", key, tuple(RUN_VARIABLES))


def _unknown(root: str, key: str, names: tuple[str, ...]) -> str | None:
    return None if key in names else f"{root!r} has no {key!r}{suggestion(key, names)}; it has {', '.join(names)}"


def _unprovided(key: str, upstream: Upstream, known: Provisions) -> str:
    near = suggestion(key, upstream.context)
    elsewhere = known.provider(key)
    missing = f"neither the payload nor an earlier step provides {key!r}"
    if elsewhere and not near:
        return f"{missing}; the step {elsewhere!r} does, but does not run before this step"
    names = tuple(islice(upstream.context, _LISTED))
    listed = f"; there is: {', '.join(names)}" if names and not near else ""
    return f"{missing}{near}{listed}"


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
    code="SM405",
    name="unprovided-input",
    severity=Severity.ERROR,
    summary="A path in input starts at a key that nothing upstream provides.",
    explanation=(
        "A path begins with a key of the context (the payload merged with the outputs of earlier steps) or with "
        "payload, context, run or failure. In a dependency-based workflow only the steps that this one waits for, "
        "directly or through others, come earlier: what a step sees never depends on timing."
    ),
    bad=_GOOD.replace("amount: invoice.amount", "amount: invocie.amount"),
    good=_GOOD,
    check=_check,
)
