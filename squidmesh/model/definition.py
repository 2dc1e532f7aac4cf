"""What compiling a workflow file yields: a named, immutable graph of steps.

Everything here is a plain value. ``model/document.py`` turns a ``Workflow`` into canonical JSON and back;
the SHA-256 of that JSON is the definition's identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

COMPLETE = "complete"
FAIL = "fail"
RESERVED_STEPS = (COMPLETE, FAIL)
ON_FAILURE_NAME = "on_failure"


class FieldType(StrEnum):
    """The type of a payload field."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    MAP = "map"
    LIST = "list"


class DynamicDefault(StrEnum):
    """A default of the moment that the run is for."""

    TODAY = "today"  # ISO 8601 date
    NOW = "now"  # ISO 8601 time with offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a payload contract; ``default`` is the literal, ``dynamic_default`` the moment."""

    type: FieldType
    required: bool = True
    has_default: bool = False
    default: Any = None
    dynamic_default: DynamicDefault | None = None
    description: str | None = None
    enum: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str | None = None
    items: Field | None = None
    properties: Mapping[str, Field] | None = None
    sensitive: bool = False


class CatchUp(StrEnum):
    """Which missed ticks start a run after an outage."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class Overlap(StrEnum):
    """Whether a tick starts a run while an earlier one is unfinished."""

    ALLOW = "allow"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A five-field cron expression in a time zone (IANA name)."""

    expression: str
    timezone: str = "Etc/UTC"
    catch_up: CatchUp = CatchUp.LATEST
    overlap: Overlap = Overlap.ALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A named way to start a workflow: by hand (``cron`` None) or by the clock."""

    cron: Cron | None = None
    payload: Mapping[str, Field] = field(default_factory=dict)


class BackoffType(StrEnum):
    """How the delay between attempts grows."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delay after failed attempt n: see ``runtime/retry.py``."""

    type: BackoffType = BackoffType.EXPONENTIAL
    min: timedelta = timedelta(seconds=1)
    max: timedelta = timedelta(minutes=1)
    jitter: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """``max_attempts`` counts every attempt, the first included."""

    max_attempts: int = 1
    backoff: Backoff = field(default_factory=Backoff)


class OnWorkerLost(StrEnum):
    """What to do with a step whose worker died in the middle."""

    RETRY = "retry"
    PAUSE = "pause"
    FAIL = "fail"


class LogLevel(StrEnum):
    """The level of a ``log`` step's record."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """Call a registered step type; ``constants`` is the file's ``with``."""

    step_type: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: timedelta | None = None
    compensate: str | None = None
    irreversible: bool = False
    compensatable: bool = True
    on_worker_lost: OnWorkerLost | None = None  # None: the setting, and pause when irreversible
    transaction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Write one log record."""

    message: str
    level: LogLevel = LogLevel.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Hold the run for a ``duration``, or ``until`` the time that stands at a path; exactly one is set."""

    duration: timedelta | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Stop until somebody unblocks the run."""

    title: str | None = None
    deadline: timedelta | None = None


class OnDeadline(StrEnum):
    """What an approval becomes when its deadline passes undecided."""

    APPROVE = "approve"
    REJECT = "reject"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Stop until somebody approves (``ok``) or rejects (``error``)."""

    title: str | None = None
    deadline: timedelta | None = None
    on_deadline: OnDeadline | None = None


Action = Uses | Log | Wait | Pause | Approval


class Recovery(StrEnum):
    """What the step that an ``error`` route leads to does about the failure."""

    COMPENSATION = "compensation"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An edge: taken if ``when`` (CEL, None: always) holds; ``to`` is a step, ``complete`` or ``fail``."""

    to: str
    when: str | None = None
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Where a routed step goes, by outcome; of each list the first transition that holds is taken."""

    ok: tuple[Transition, ...] = ()
    error: tuple[Transition, ...] = ()
    deadline: tuple[Transition, ...] = ()

    def all(self) -> tuple[Transition, ...]:
        """Return every transition, in the order of the file's outcomes."""
        return self.ok + self.error + self.deadline

    def by_outcome(self) -> tuple[tuple[str, tuple[Transition, ...]], ...]:
        """Return the transitions of each outcome, in the order of the file's outcomes."""
        return ("ok", self.ok), ("error", self.error), ("deadline", self.deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A node of the graph.

    ``input`` maps a parameter to a path, None: the whole context. ``output`` is the key that the returned
    mapping is stored under, None: its keys are merged. ``next`` is set in routed workflows, ``after`` in
    dependency-based ones.
    """

    action: Action
    input: Mapping[str, str] | None = None
    output: str | None = None
    next: Routes | None = None
    after: tuple[str, ...] = ()
    when: str | None = None
    allow_failure: bool = False
    queue: str = "default"
    priority: int = 0
    description: str | None = None

    @property
    def step_type(self) -> str:
        """The name of what runs: the registered step type, or the built-in's."""
        match self.action:
            case Uses(step_type=name):
                return name
            case action:
                return BUILTIN_NAMES[type(action)]

    @property
    def retry(self) -> RetryPolicy:
        """The step's retry policy; built-ins have one attempt."""
        return self.action.retry if isinstance(self.action, Uses) else ONE_ATTEMPT


BUILTIN_NAMES: dict[type[Action], str] = {Log: "log", Wait: "wait", Pause: "pause", Approval: "approval"}
ONE_ATTEMPT = RetryPolicy()


class Shape(StrEnum):
    """The two shapes of workflow."""

    ROUTED = "routed"
    DEPENDENCY = "dependency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One compiled workflow; ``triggers`` and ``steps`` keep the order of the file.

    Its ``shape`` is routed if any step says ``next``, and otherwise dependency-based. ``on_failure``, if set,
    is a step of kind ``uses`` that runs once when a run is about to end failed.
    """

    name: str
    triggers: Mapping[str, Trigger]
    steps: Mapping[str, Step]
    description: str | None = None
    version: str | None = None
    timeout: timedelta | None = None
    on_failure: Step | None = None
    shape: Shape = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Once, for it is asked for at each end of a step, and there may be very many steps.
        routed = any(step.next is not None for step in self.steps.values())
        object.__setattr__(self, "shape", Shape.ROUTED if routed else Shape.DEPENDENCY)

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """The steps and, if there is one, the ``on_failure`` step."""
        return (*self.steps.values(), *([self.on_failure] if self.on_failure is not None else ()))
