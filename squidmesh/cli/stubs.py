"""``--stub STEP[=JSON]``: answers that stand in for steps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

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
        stubs[name] = _read_answer(name, answer) if separator else {}
    return stubs


def _read_answer(name: str, text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{name}: {error}", param_hint="--stub") from error
    if not isinstance(answer, dict):
        raise click.BadParameter(f"{name}: a step returns a JSON object", param_hint="--stub")
    return answer
