"""The states of runs and step runs, and who moves rows out of each."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class RunStatus(StrEnum):
    """What a run shows to its callers."""

    PENDING = "pending"  # claim: the first step was taken by a worker
    RUNNING = "running"  # record: by the run's counters
    RETRYING = "retrying"  # claim: the retry was taken
    PAUSED = "paused"  # a person's decision, or a deadline
    CANCELLING = "cancelling"  # record: the last attempt or compensation ended
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether a run stays in this status for ever."""
        return not RUN_TRANSITIONS[self]


_ENDINGS = {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLING, RunStatus.CANCELLED}
RUN_TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset({RunStatus.RUNNING, RunStatus.PAUSED, *_ENDINGS} - {RunStatus.COMPLETED}),
    RunStatus.RUNNING: frozenset({RunStatus.RETRYING, RunStatus.PAUSED, *_ENDINGS}),
    RunStatus.RETRYING: frozenset({RunStatus.RUNNING, RunStatus.PAUSED, *_ENDINGS}),
    RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.RETRYING, *_ENDINGS}),
    RunStatus.CANCELLING: frozenset({RunStatus.CANCELLED}),
    RunStatus.COMPLETED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}


class Phase(StrEnum):
    """Where a run is heading."""

    FORWARD = "forward"  # a failure without a route, or a cancel
    STOPPING = "stopping"  # record: the last running attempt ended
    COMPENSATING = "compensating"  # record: the last compensation ended


class Goal(StrEnum):
    """The status that a stopping run will end in."""

    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """What a step run is doing."""

    WAITING = "waiting"  # record of its last open dependency
    PENDING = "pending"  # claim, once ``run_at`` has come
    RUNNING = "running"  # record, by the holder of the claim; sweep, once the lease has passed
    PAUSED = "paused"  # a person's decision, or a deadline
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether a step run stays in this status for ever."""
        return not STEP_TRANSITIONS[self]


STEP_TRANSITIONS: dict[StepStatus, frozenset[StepStatus]] = {
    StepStatus.WAITING: frozenset({StepStatus.PENDING, StepStatus.RUNNING, StepStatus.CANCELLED}),
    StepStatus.PENDING: frozenset({StepStatus.RUNNING, StepStatus.CANCELLED}),
    StepStatus.RUNNING: frozenset(
        {
            StepStatus.PENDING,
            StepStatus.PAUSED,
            StepStatus.COMPLETED,
            StepStatus.FAILED,
            StepStatus.SKIPPED,
            StepStatus.CANCELLED,
        }
    ),
    StepStatus.PAUSED: frozenset({StepStatus.PENDING, StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.CANCELLED}),
    StepStatus.COMPLETED: frozenset(),
    StepStatus.FAILED: frozenset(),
    StepStatus.SKIPPED: frozenset(),
    StepStatus.CANCELLED: frozenset(),
}


class StepRunKind(IntEnum):
    """What a row of ``step_runs`` stands for."""

    STEP = 0
    COMPENSATION = 1
    ON_FAILURE = 2


class AttemptStatus(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
