"""``--stub STEP[=JSON]``: answers that stand in for steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from squidmesh.cli.json_object import read_object
from squidmesh.errors import suggestion
from squidmesh.model.definition import ON_FAILURE_NAME, Uses

if TYPE_CHECKING:
    from squidmesh.model.definition import Workflow

ALL = "all"


def read_stubs(texts: tuple[str, ...], workflow: Workflow) -> dict[str, dict[str, Any]]:
    """Return the answer for each stubbed step; ``all`` answers ``{}`` for every step that uses a step type."""
    names = [name for name, step in workflow.steps.items() if isinstance(step.action, Uses)]
    if workflow.on_failure is not None:
        names.append(ON_FAILURE_NAME)
    stubs: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, separator, answer = text.partition("=")
        if name == ALL and not separator:
            stubs = {step: {} for step in names} | stubs
            continue
        if name not in names:
            raise click.BadParameter(f"no step {name!r} uses a step type{suggestion(name, names)}", param_hint="--stub")
        stubs[name] = read_object(answer, f"{name}: ", option="--stub") if separator else {}
    return stubs
