"""A workflow's graph as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.render.graph_arrows import heading, subtitle, ways
from squidmesh.model.definition import Shape, Uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import Step, Workflow


def render_graph(workflow: Workflow) -> str:
    """Return each step with what it does and where it leads, or what it waits for."""
    lines = [heading(workflow), *_description(workflow), *_triggers(workflow), ""]
    width = max(len(name) for name in workflow.steps)
    for name, step in workflow.steps.items():
        lines.append(f"  {name:<{width}}  {_what(step)}")
        lines.extend(f"    {line}" for line in _ways(workflow, name))
    if workflow.on_failure is not None:
        lines += ["", f"  once, before the run ends failed: {_what(workflow.on_failure)}"]
    return "\n".join(lines) + "\n"


def _description(workflow: Workflow) -> Iterator[str]:
    if workflow.description:
        yield f"  {' '.join(workflow.description.split())}"


def _what(step: Step) -> str:
    facts = ", ".join(_facts(step))
    return subtitle(step) + (f"  ({facts})" if facts else "")


def _triggers(workflow: Workflow) -> Iterator[str]:
    for name, trigger in workflow.triggers.items():
        kind = f"cron {trigger.cron.expression} ({trigger.cron.timezone})" if trigger.cron else "manual"
        yield f"  starts by {name}: {kind}"


def _facts(step: Step) -> Iterator[str]:
    if isinstance(step.action, Uses):
        if step.action.retry.max_attempts > 1:
            yield f"up to {step.action.retry.max_attempts} attempts"
        if step.action.irreversible:
            yield "irreversible"
        if step.action.compensate:
            yield f"undone by {step.action.compensate}"
    if step.when:
        yield f"when {step.when}"
    if step.allow_failure:
        yield "may fail"


def _ways(workflow: Workflow, name: str) -> Iterator[str]:
    if workflow.shape is Shape.DEPENDENCY:
        after = workflow.steps[name].after
        if after:
            yield f"after {', '.join(after)}"
        return
    found = list(ways(name, workflow.steps[name]))
    width = max((len(arrow.outcome) for arrow in found), default=0)
    for arrow in found:
        recovery = f"  (recovery: {arrow.recovery})" if arrow.recovery else ""
        yield f"{arrow.outcome:<{width}} -> {arrow.target}{recovery}" + (f"  if {arrow.when}" if arrow.when else "")
