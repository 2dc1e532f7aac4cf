"""Claimed step runs without a database: a workflow text, what came before, and the claim."""

from __future__ import annotations

import json
import textwrap
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.lint import lint_text
from squidmesh.expressions import compile_expression
from squidmesh.model.claim import Claim, RunFacts
from squidmesh.model.document import definition_hash
from squidmesh.model.graph import Graph
from squidmesh.model.state import StepRunKind
from squidmesh.runtime.definitions import Definition
from squidmesh.runtime.preparation import Prepared, Undo
from squidmesh.runtime.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squidmesh.model.definition import Workflow

MOMENT = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)


def workflow(steps: str) -> Workflow:
    """Return the workflow whose ``steps`` are given as YAML."""
    text = "workflow: a.b\ntriggers: {t: {manual: {}}}\nsteps:\n" + textwrap.indent(textwrap.dedent(steps), "  ")
    result = lint_text(text, "a.yaml")
    assert result.workflow is not None, result.diagnostics
    return result.workflow


def definition(compiled: Workflow) -> Definition:
    """Return a definition whose steps have lanes numbered from 1 in order."""
    conditions = [step.when for step in compiled.steps.values()]
    conditions += [route.when for step in compiled.steps.values() if step.next for route in step.next.all()]
    lanes = {(step.queue, step.step_type, step.priority): 0 for step in compiled.steps.values()}
    return Definition(
        hash=definition_hash(compiled),
        workflow=compiled,
        graph=Graph(compiled),
        lanes={lane: number for number, lane in enumerate(lanes, 1)},
        expressions={text: compile_expression(text) for text in conditions if text is not None},
    )


def facts(payload: Mapping[str, Any] | None = None, failure: Mapping[str, Any] | None = None) -> RunFacts:
    """Return what a step may know of its run."""
    return RunFacts(
        id=uuid.UUID(int=1),
        workflow="a.b",
        trigger="t",
        definition_hash="0" * 64,
        payload=json.dumps(payload or {}),
        failure=json.dumps(failure) if failure else None,
        schedule=None,
        started_at=MOMENT,
    )


def claimed(
    steps: str,
    step: str,
    *,
    payload: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    failure: Mapping[str, Any] | None = None,
    undo: Mapping[str, Any] | None = None,
    **claim: Any,
) -> Prepared:
    """Return step ``step`` claimed, after the steps of ``outputs`` completed in that order."""
    made = definition(workflow(steps))
    run = facts(payload, failure)
    before = Snapshot.of_run(run)
    for name, output in (outputs or {}).items():
        before = before.with_output(made.workflow.steps[name], json.dumps(output))
    values: dict[str, Any] = {"attempt": 1, "losses": 0, "live_deps": 1, "scheduled_seq": 0, "started_at": MOMENT}
    own = Claim(
        id=uuid.UUID(int=2),
        token=uuid.UUID(int=3),
        step=step,
        kind=StepRunKind.STEP if undo is None else StepRunKind.COMPENSATION,
        run=run,
        **(values | claim),
    )
    snapshot, undone = before, None
    if undo is not None:
        undone = Undo(output=json.dumps(undo), before=before)
        snapshot = before.with_output(made.workflow.steps[step], undone.output)
    return Prepared(claim=own, definition=made, step=made.workflow.steps[step], snapshot=snapshot, undo=undone)
