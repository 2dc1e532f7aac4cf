"""A workflow's graph as a Mermaid flowchart, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from squidmesh.authoring.render.graph_arrows import arrows, caption, endings
from squidmesh.model.definition import Approval, Log, Pause, Uses, Wait

if TYPE_CHECKING:
    from squidmesh.model.definition import Step, Workflow


def render_graph(workflow: Workflow) -> str:
    """Return the flowchart; ways that a failure takes are dotted."""
    lines = ["flowchart TD"]
    lines += [f"  {_node(name, step)}" for name, step in workflow.steps.items()]
    lines += [f"  {_id(name)}(({name}))" for name in endings(workflow)]
    for arrow in arrows(workflow):
        line = "-.->" if arrow.outcome == "error" else "-->"
        label = f'|"{_escape(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  {_id(arrow.source)} {line}{label} {_id(arrow.target)}")
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    return f"s_{name}"  # a bare "end" would break the chart


def _node(name: str, step: Step) -> str:
    below = "".join(f"<br/><small>{_escape(line)}</small>" for line in caption(step))
    label = f'"{name}{below}"'
    match step.action:
        case Uses():
            return f"{_id(name)}[{label}]"
        case Log():
            return f"{_id(name)}>{label}]"
        case Wait():
            return f"{_id(name)}([{label}])"
        case Pause() | Approval():
            return f"{_id(name)}{{{{{label}}}}}"
        case action:
            assert_never(action)


def _escape(text: str) -> str:
    """Return a text in which nothing is Mermaid's or HTML's; ``#`` begins Mermaid's own entities."""
    return (
        " ".join(text.split())
        .replace("#", "#35;")
        .replace("&", "&amp;")
        .replace('"', "&quot;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("|", "#124;")
    )
