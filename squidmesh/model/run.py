"""What callers see of runs: frozen values, each with a JSON-ready ``to_dict``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squidmesh.model.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from squidmesh.model.state import AttemptStatus, RunStatus, StepRunKind, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(Shown):
    """One try at executing a step run."""

    number: int
    status: AttemptStatus
    error: Mapping[str, Any] | None
    worker: str | None
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun(Shown):
    """The one row for a step of a run, or for a compensation of it."""

    id: UUID
    step: str
    kind: StepRunKind
    status: StepStatus
    attempt: int
    input: Mapping[str, Any] | None
    output: Mapping[str, Any] | None
    last_error: Mapping[str, Any] | None
    attempts: tuple[Attempt, ...]
    recovery: Mapping[str, Any]
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState(Shown):
    """A declared step of a run's definition; ``status`` is None where the run has not come to it."""

    step: str
    kind: str
    status: StepStatus | None
    depends_on: tuple[str, ...]
    input: Mapping[str, Any] | None
    output: Mapping[str, Any] | None
    last_error: Mapping[str, Any] | None
    attempts: tuple[Attempt, ...]
    recovery: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent(Shown):
    """A durable record of a decision."""

    type: str
    step: str | None
    actor: str | None
    comment: str | None
    metadata: Mapping[str, Any] | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Shown):
    """One execution of a definition; the last three fields are None unless history was asked for."""

    id: UUID
    workflow: str
    trigger: str
    definition: str
    version: str | None
    status: RunStatus
    payload: Mapping[str, Any]
    context: Mapping[str, Any]
    current_step: str | None
    last_error: Mapping[str, Any] | None
    schedule: Mapping[str, Any] | None
    idempotency_key: str | None
    replayed_from: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: tuple[StepState, ...] | None = None
    step_runs: tuple[StepRun, ...] | None = None
    audit_events: tuple[AuditEvent, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Shown):
    """Why a run is where it is: the reason, since when, and the calls that would be accepted now."""

    status: RunStatus
    reason: str
    since: datetime | None
    step: str | None
    details: Mapping[str, Any] = field(default_factory=dict)
    next_actions: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
