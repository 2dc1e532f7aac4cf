"""A workflow's graph in the DOT language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from squidmesh.authoring.render.graph_arrows import arrows, caption, endings
from squidmesh.model.definition import Approval, Log, Pause, Uses, Wait

if TYPE_CHECKING:
    from squidmesh.model.definition import Action, Workflow


def render_graph(workflow: Workflow) -> str:
    """Return the digraph; ways that a failure takes are dashed."""
    lines = [
        f"digraph {_quote(workflow.name)} {{",
        '  node [fontname="sans-serif"];',
        '  edge [fontname="sans-serif"];',
    ]
    for name, step in workflow.steps.items():
        label = "\\n".join(_escape(line) for line in (name, *caption(step)))
        lines.append(f'  {_quote(name)} [shape={_shape(step.action)}, label="{label}"];')
    lines += [f"  {name} [shape=doublecircle];" for name in endings(workflow)]
    for arrow in arrows(workflow):
        style = ["style=dashed"] if arrow.outcome == "error" else []
        if arrow.label:
            style.append(f"label={_quote(arrow.label)}")
        attributes = f" [{', '.join(style)}]" if style else ""
        lines.append(f"  {_quote(arrow.source)} -> {_quote(arrow.target)}{attributes};")
    return "\n".join([*lines, "}"]) + "\n"


def _shape(action: Action) -> str:
    match action:
        case Uses():
            return "box"
        case Log():
            return "note"
        case Wait():
            return "oval"
        case Pause() | Approval():
            return "hexagon"
        case _:
            assert_never(action)


def _quote(text: str) -> str:
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
