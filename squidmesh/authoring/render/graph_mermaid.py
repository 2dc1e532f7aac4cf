"""A workflow's graph as a Mermaid flowchart, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, assert_never

from squidmesh.authoring.render.graph_arrows import arrows, caption, endings, title
from squidmesh.model.definition import ON_FAILURE_NAME, Approval, Log, Pause, Uses, Wait

if TYPE_CHECKING:
    from squidmesh.model.definition import Step, Workflow

_LAST = ON_FAILURE_NAME  # those of steps begin with s_


def render_graph(workflow: Workflow) -> str:
    """Return the flowchart; ways that a failure takes are dotted."""
    above = title(workflow)
    lines = ["---", f"title: {json.dumps(above, ensure_ascii=False)}", "---"] if above else []
    lines.append("flowchart TD")
    lines += [f"  {_node(_id(name), name, step)}" for name, step in workflow.steps.items()]
    lines += [f"  {_id(name)}(({name}))" for name in endings(workflow)]
    for arrow in arrows(workflow):
        line = "-.->" if arrow.outcome == "error" else "-->"
        label = f'|"{_escape(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  {_id(arrow.source)} {line}{label} {_id(arrow.target)}")
    if workflow.on_failure is not None:
        lines.append(f"  {_node(_LAST, ON_FAILURE_NAME, workflow.on_failure)}")
        lines.append(f'  {_id("fail")} -.->|"once"| {_LAST}')
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    return f"s_{name}"  # a bare "end" would break the chart


def _node(identifier: str, name: str, step: Step) -> str:
    below = "".join(f"<br/><small>{_escape(line)}</small>" for line in caption(step))
    label = f'"{name}{below}"'
    match step.action:
        case Uses():
            return f"{identifier}[{label}]"
        case Log():
            return f"{identifier}>{label}]"
        case Wait():
            return f"{identifier}([{label}])"
        case Pause() | Approval():
            return f"{identifier}{{{{{label}}}}}"
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
