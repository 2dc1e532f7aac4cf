"""A step's context made by hand, to call a step as the plain function that it is."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from squidmesh.model.state import StepRunKind
from squidmesh.steps.context import ClaimSignals, StepContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_RUN = "00000000-0000-7000-8000-000000000000"


def step_context(
    *,
    run_id: str = _RUN,
    workflow: str = "tests.workflow",
    trigger: str = "manual",
    step: str = "step",
    attempt: int = 1,
    max_attempts: int = 1,
    payload: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    failure: Mapping[str, Any] | None = None,
    schedule: Mapping[str, Any] | None = None,
    connection: Connection | None = None,
    cancelled: bool = False,
    claim_lost: bool = False,
    compensation: bool = False,
) -> StepContext:
    """Return a context with these fields; ``context`` is the payload merged with the outputs before the step.

    Without ``context`` the step sees the payload alone. ``run_id``, ``step`` and ``compensation`` decide
    ``idempotency_key``.
    """
    given = dict(payload or {})
    seen = given if context is None else {**given, **context}
    return StepContext(
        run_id=run_id,
        workflow=workflow,
        trigger=trigger,
        step=step,
        attempt=attempt,
        max_attempts=max(max_attempts, attempt),
        payload=lambda: copy.deepcopy(given),
        context=lambda: copy.deepcopy(seen),
        failure=failure,
        schedule=schedule,
        connection=connection,
        signals=ClaimSignals(cancelled=cancelled, lost=claim_lost),
        kind=StepRunKind.COMPENSATION if compensation else StepRunKind.STEP,
    )
