"""A workflow's graph in the DOT language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from squidmesh.authoring.render.graph_arrows import arrows, caption, endings, title
from squidmesh.model.definition import ON_FAILURE_NAME, Approval, Log, Pause, Uses, Wait

if TYPE_CHECKING:
    from squidmesh.model.definition import Action, Step, Workflow

_LAST = "on failure"  # no step can be called so


def render_graph(workflow: Workflow) -> str:
    """Return the digraph; ways that a failure takes are dashed."""
    lines = [
        f"digraph {_quote(workflow.name)} {{",
        '  node [fontname="sans-serif"];',
        '  edge [fontname="sans-serif"];',
    ]
    above = title(workflow)
    if above:
        lines.append(f'  graph [fontname="sans-serif", labelloc=t, label={_quote(above)}];')
    lines += [_node(name, name, step) for name, step in workflow.steps.items()]
    lines += [f"  {name} [shape=doublecircle];" for name in endings(workflow)]
    for arrow in arrows(workflow):
        style = ["style=dashed"] if arrow.outcome == "error" else []
        if arrow.label:
            style.append(f"label={_quote(arrow.label)}")
        attributes = f" [{', '.join(style)}]" if style else ""
        lines.append(f"  {_quote(arrow.source)} -> {_quote(arrow.target)}{attributes};")
    if workflow.on_failure is not None:
        lines.append(_node(_LAST, ON_FAILURE_NAME, workflow.on_failure))
        lines.append(f'  fail -> {_quote(_LAST)} [style=dashed, label="once"];')
    return "\n".join([*lines, "}"]) + "\n"


def _node(identifier: str, name: str, step: Step) -> str:
    label = "\\n".join(_escape(line) for line in (name, *caption(step)))
    return f'  {_quote(identifier)} [shape={_shape(step.action)}, label="{label}"];'


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
