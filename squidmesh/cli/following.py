"""Following a run: looks at it until it ends or waits for a person, and what changed between two looks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squidmesh.cli.gates import waits_for_a_person
from squidmesh.model.shown import Shown
from squidmesh.model.state import RunStatus, StepRunKind, StepStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from squidmesh.mesh import SquidMesh
    from squidmesh.model.run import Attempt, Explanation, Run, StepRun

_PAUSE = 0.25
_SHARE = 5  # a look at a long history takes time: at most one part in so many goes into looking
_SHOWN = {StepStatus.RUNNING, StepStatus.PAUSED, StepStatus.SKIPPED, StepStatus.CANCELLED}
_PASSING = {"step_running", "pending_dispatch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A run with its history, and its explanation, at one moment."""

    run: Run
    explanation: Explanation

    @property
    def last(self) -> bool:
        """Whether nothing more happens by itself."""
        if self.run.status != self.explanation.status:
            return False
        return self.run.status.terminal or (
            self.run.status == RunStatus.PAUSED and waits_for_a_person(self.explanation)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Shown):
    """What happened to a run, or to a ``step`` of it (``kind`` says as what): the status it came to, and why."""

    at: datetime | None
    run_id: UUID
    step: str | None
    kind: str | None
    status: str
    attempt: int | None = None
    reason: str | None = None
    error: Mapping[str, Any] | None = None


def follow(mesh: SquidMesh, run_id: UUID, *, to_the_end: bool = False) -> Iterator[Look]:
    """Yield looks at a run, the last one when it has ended or (unless ``to_the_end``) waits for a person."""
    while True:
        began = time.monotonic()
        look = Look(run=mesh.inspect_run(run_id, include_history=True), explanation=mesh.explain_run(run_id))
        yield look
        if look.last and (look.run.status.terminal or not to_the_end):
            return
        time.sleep(max(_PAUSE, (time.monotonic() - began) * _SHARE))


class Changes:
    """Finds what is new in each look; nothing that is kept in the history is missed between two."""

    def __init__(self) -> None:
        self._attempts: dict[UUID, int] = {}
        self._statuses: dict[UUID, tuple[StepStatus, int]] = {}
        self._run: tuple[str, str] | None = None

    def of(self, look: Look) -> list[Change]:
        """Return what changed since the look before, in order."""
        found = [change for item in look.run.step_runs or () for change in self._of_step(look.run.id, item)]
        found.sort(key=lambda change: change.at.timestamp() if change.at else 0.0)
        return [*found, *self._of_run(look)]

    def _of_step(self, run_id: UUID, item: StepRun) -> Iterator[Change]:
        seen = self._attempts.get(item.id, 0)
        ended = item.attempts[seen:]
        self._attempts[item.id] = len(item.attempts)
        for attempt in ended:
            yield _attempted(run_id, item, attempt)
        before, now = self._statuses.get(item.id), (item.status, item.attempt)
        self._statuses[item.id] = now
        if before == now or any(attempt.status.value == item.status.value for attempt in ended):
            return
        if item.status in _SHOWN or item.status.terminal:
            at = item.started_at if item.status is StepStatus.RUNNING else item.finished_at or item.started_at
            attempt_number = item.attempt if item.status is StepStatus.RUNNING else None
            yield _change(run_id, item, at=at, status=item.status.value, attempt=attempt_number)

    def _of_run(self, look: Look) -> Iterator[Change]:
        status, reason = look.run.status.value, look.explanation.reason
        if look.run.status != look.explanation.status:
            return
        shown = "" if reason in _PASSING else reason
        if self._run != (status, shown):
            self._run = (status, shown)
            at = look.run.finished_at or look.explanation.since
            step = look.explanation.step if shown else None
            yield Change(at=at, run_id=look.run.id, step=step, kind=None, status=status, reason=shown or None)


def _attempted(run_id: UUID, item: StepRun, attempt: Attempt) -> Change:
    return _change(
        run_id,
        item,
        at=attempt.finished_at,
        status=attempt.status.value,
        attempt=attempt.number,
        error=attempt.error,
    )


def _change(run_id: UUID, item: StepRun, **facts: Any) -> Change:
    return Change(run_id=run_id, step=item.step, kind=StepRunKind(item.kind).name.lower(), **facts)
