"""SM401: ``uses`` and ``compensate`` name registered step types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.registered import uses
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.errors import suggestion
from squidmesh.steps.builtin import BUILTIN_STEP_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.steps.registry import StepRegistry


def _check(subject: Subject) -> Iterator[Diagnostic]:
    registry = subject.registry
    if registry is None:
        return
    known = frozenset(registry.names())
    for use in uses(subject):
        if use.step_type in known:
            continue
        if use.step_type in BUILTIN_STEP_TYPES:
            if use.path[-1] == "uses":  # a built-in as a compensation is SM406
                message = f"{use.step_type!r} is built in; write '{use.step_type}:' in place of 'uses: {use.step_type}'"
                yield subject.document.diagnostic("SM401", message, use.path)
            continue
        yield subject.document.diagnostic("SM401", _message(use.step_type, registry), use.path)


def _message(name: str, registry: StepRegistry) -> str:
    project = registry.declared_elsewhere(name)
    if project is not None:
        return (
            f"step type {name!r} is declared in {_shown(project)}, not in the installed metadata: "
            "run 'pip install -e .' there again"
        )
    near = suggestion(name, registry.names())
    remedy = "" if near else '; register it under [project.entry-points."squidmesh.steps"] of the package that has it'
    return f"no installed package registers the step type {name!r}{near}{remedy}"


def _shown(path: Path) -> Path:
    folder = Path.cwd()
    return path.relative_to(folder) if path.is_relative_to(folder) else path


_GOOD = """\
workflow: billing.reminder
triggers:
  by_hand:
    manual: {}
    payload: {invoice_id: {type: string}}
steps:
  load: {uses: billing.load_invoice, output: invoice, next: complete}
"""

RULE = Rule(
    code="SM401",
    name="unknown-step-type",
    severity=Severity.ERROR,
    summary="No installed package registers the step type that a step names.",
    explanation=(
        "A workflow file names registered step types and nothing else: it cannot import or run code of its own. "
        "Packages register step types as entry points, which are read from installed metadata: after adding one, "
        "install the package again. 'squidmesh steps' lists what is registered."
    ),
    bad=_GOOD.replace("load_invoice", "load_invocie"),
    good=_GOOD,
    check=_check,
)
