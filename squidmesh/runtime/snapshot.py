"""What a step sees of its run: the payload, and the outputs of the steps before it.

The texts that were stored are parsed once; every reader gets a copy of its own, so that what a step does
to its input is never seen by another, whether the two were chained in one process or not.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from squidmesh.model import path
from squidmesh.model.path import MISSING
from squidmesh.model.payload import mask

if TYPE_CHECKING:
    from squidmesh.model.claim import RunFacts
    from squidmesh.model.definition import Field, Step


class Snapshot:
    """The data of a run at one moment; extending it makes another."""

    __slots__ = ("_context", "_payload", "failure", "run")

    def __init__(
        self, run: RunFacts, payload: dict[str, Any], context: dict[str, Any], failure: dict[str, Any] | None
    ) -> None:
        self.run = run
        self.failure = failure
        self._payload = payload
        self._context = context

    @classmethod
    def of_run(cls, run: RunFacts) -> Snapshot:
        """Return what the first step of a run sees."""
        payload = json.loads(run.payload)
        return cls(run, payload, dict(payload), json.loads(run.failure) if run.failure else None)

    def with_output(self, step: Step, output: str) -> Snapshot:
        """Return the snapshot after ``step`` ended with ``output`` (JSON text of an object)."""
        value = json.loads(output)
        merged = {step.output: value} if step.output else value
        return Snapshot(self.run, self._payload, self._context | merged, self.failure)

    def with_failure(self, failure: Mapping[str, Any] | None) -> Snapshot:
        """Return the snapshot with the failure that is known now: one that was routed or allowed, None before any."""
        return Snapshot(self.run, self._payload, self._context, dict(failure) if failure is not None else None)

    def masked(self, fields: Mapping[str, Field]) -> Snapshot:
        """Return the snapshot as it may be shown: sensitive fields of the payload hidden."""
        payload = mask(fields, self._payload)
        hidden = {
            name: value
            for name, value in payload.items()
            if name in self._context and self._context[name] == self._payload[name]
        }
        return Snapshot(self.run, payload, self._context | hidden, self.failure)

    def payload(self) -> dict[str, Any]:
        """Return a copy of the payload."""
        return copy.deepcopy(self._payload)

    def context(self) -> dict[str, Any]:
        """Return a copy of the context."""
        return copy.deepcopy(self._context)

    def look_up(self, dotted: str) -> Any:
        """Return a copy of what stands at a path, or ``MISSING``."""
        return _copied(self._peek(dotted))

    def has(self, dotted: str) -> bool:
        """Return whether something stands at a path."""
        return self._peek(dotted) is not MISSING

    def variables(self) -> dict[str, Any]:
        """Return what an expression may read; the reader must not change it."""
        return {
            "payload": self._payload,
            "context": self._context,
            "run": self.run_facts(),
            "failure": self.failure or {},
        }

    def run_facts(self) -> dict[str, Any]:
        """Return the ``run`` root of paths and expressions."""
        schedule = json.loads(self.run.schedule) if self.run.schedule else None
        return {
            "id": str(self.run.id),
            "workflow": self.run.workflow,
            "trigger": self.run.trigger,
            "started_at": self.run.started_at.astimezone(UTC).isoformat(),
            "scheduled_for": schedule["scheduled_for"] if schedule else None,
        }

    def _peek(self, dotted: str) -> Any:
        segments = path.split(dotted)
        match segments[0]:
            case "payload":
                return path.descend(self._payload, segments[1:])
            case "context":
                return path.descend(self._context, segments[1:])
            case "run":
                return path.descend(self.run_facts(), segments[1:])
            case "failure":
                return path.descend(self.failure if self.failure is not None else {}, segments[1:])
            case _:
                return path.descend(self._context, segments)

    def keys(self) -> Collection[str]:
        """Return the keys of the context; any text may be one, also such as no path can name."""
        return self._context.keys()

    def value_of(self, key: str) -> Any:
        """Return a copy of what stands under a key of the context, or ``MISSING``."""
        return _copied(self._context.get(key, MISSING))

    def has_key(self, key: str) -> bool:
        """Return whether something stands under a key of the context."""
        return key in self._context

    def failure_copy(self) -> dict[str, Any] | None:
        """Return a copy of the failure that led here, None without one."""
        return copy.deepcopy(self.failure)


def _copied(value: Any) -> Any:
    return value if value is MISSING else copy.deepcopy(value)


class StepInput(Mapping[str, Any]):
    """The input of a step: parameter names to values, copied only when asked for.

    Without ``input`` it is the whole context; ``with`` constants come on top. A path that leads nowhere is
    left out, so that the parameter's own default applies.
    """

    def __init__(self, step: Step, constants: Mapping[str, Any], snapshot: Snapshot) -> None:
        self._paths = step.input
        self._constants = constants
        self._snapshot = snapshot

    def __getitem__(self, name: str) -> Any:
        if name in self._constants:
            return copy.deepcopy(self._constants[name])
        value = self._snapshot.value_of(name) if self._paths is None else self._snapshot.look_up(self._paths[name])
        if value is MISSING:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        names = self._snapshot.keys() if self._paths is None else self._paths
        found = {name for name in names if name in self} | set(self._constants)
        return iter(sorted(found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        if name in self._constants:
            return True
        if not isinstance(name, str):
            return False
        if self._paths is None:
            return self._snapshot.has_key(name)
        return name in self._paths and self._snapshot.has(self._paths[name])
