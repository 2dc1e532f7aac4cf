"""A claimed step run: what its execution needs, and the token that proves the claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from squidmesh.model.state import RunStatus, StepRunKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a step may know of its run; ``payload``, ``failure`` and ``schedule`` are JSON text as stored.

    ``traceparent`` is the span that the run was started in.
    """

    id: UUID
    workflow: str
    trigger: str
    definition_hash: str
    payload: str
    failure: str | None
    schedule: str | None
    started_at: datetime
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A step run under a lease.

    ``attempt`` counts every execution, lost ones included; ``losses`` those that were lost.
    ``scheduled_seq`` is the run's completion sequence when the step was scheduled: outputs up to it are
    what the step may see. ``live_deps`` counts dependencies that did not end as skipped. ``started_at`` is
    the moment of the claim by the database's clock. ``alone`` says that its process has nothing else in flight,
    since the step was lost before. ``run_left`` is the status that the run showed until this claim made it running,
    None where it showed that before.
    """

    id: UUID
    token: UUID
    step: str
    kind: StepRunKind
    attempt: int
    losses: int
    live_deps: int
    scheduled_seq: int
    started_at: datetime
    run: RunFacts
    begun: bool = False
    alone: bool = False
    run_left: RunStatus | None = None
