"""Errors about a run, and about a queue that runs wait in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.errors.root import SquidMeshError, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence


class InvalidRunId(SquidMeshError):
    """The value is not a run id (a UUID or its string)."""

    value: str

    def __str__(self) -> str:
        return f"{self.value[:80]!r} is not a run id: a UUID is expected"


class RunNotFound(SquidMeshError):
    """No run has this id; ``similar`` are ids of runs that begin like it."""

    run_id: str
    similar: Sequence[str] = ()

    def __str__(self) -> str:
        hint = f" (did you mean {' or '.join(self.similar)}?)" if self.similar else ""
        return f"no run has the id {self.run_id}{hint}"


class AmbiguousRunId(SquidMeshError):
    """Several runs have an id that begins so; ``candidates`` are the newest of them."""

    prefix: str
    candidates: Sequence[str]

    def __str__(self) -> str:
        return f"several runs have an id that begins with {self.prefix}: {', '.join(self.candidates)}; give more of it"


class InvalidTransition(SquidMeshError):
    """The run's status does not allow what was asked, or what became of its steps (``reason``)."""

    from_status: str
    to_status: str
    reason: str = ""

    def __str__(self) -> str:
        return f"a run that is {self.from_status} cannot become {self.to_status}{self.reason and f': {self.reason}'}"


class RunNotPaused(SquidMeshError):
    """The run waits for no person, or somebody has decided already (``detail``)."""

    run_id: str
    detail: str

    def __str__(self) -> str:
        return f"run {self.run_id} is not paused: {self.detail}"


class WrongManualAction(SquidMeshError):
    """A pause was approved, or an approval unblocked."""

    run_id: str
    action: str
    expected: Sequence[str]

    def __str__(self) -> str:
        return f"run {self.run_id} cannot take {self.action}; it waits for: {', '.join(self.expected)}"


class ActorRequired(SquidMeshError):
    """The action must say who decided."""

    action: str

    def __str__(self) -> str:
        return f"{self.action} needs an actor: a name that is not empty"


class UnsafeReplay(SquidMeshError):
    """A replay would repeat steps whose effects cannot be undone; ``from_step`` would avoid it, if any does."""

    steps: Sequence[str]
    from_step: str | None = None

    def __str__(self) -> str:
        hint = f"replay from_step={self.from_step!r} or " if self.from_step else ""
        return (
            f"a replay would repeat {', '.join(self.steps)}, which cannot be undone; {hint}pass allow_irreversible=True"
        )


class QueueNotFound(SquidMeshError):
    """No definition and no worker names this queue."""

    name: str
    known: Sequence[str]

    def __str__(self) -> str:
        listed = f"; known: {', '.join(self.known)}" if self.known else "; none is known"
        return f"queue {self.name!r} is not known{suggestion(self.name, self.known)}{listed}"
