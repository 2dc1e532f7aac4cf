"""What a step may know about the execution that it is part of."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from squidmesh.model.state import StepRunKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from sqlalchemy import Connection

_LOGGER = logging.getLogger("squidmesh.step")
# The name space (RFC 9562, section 5.5) of the keys that this project derives; never to be changed.
_KEYS = UUID("6f1c9f0e-4b0d-5d0a-9d0b-3c1f5e7a2b84")


@dataclass(slots=True)
class ClaimSignals:
    """What another thread tells a running step; it may be raised at any time, and is never lowered.

    ``interrupt`` is set while something runs that can be stopped from outside: a coroutine.
    """

    cancelled: bool = False
    lost: bool = False
    interrupt: Callable[[], object] | None = None

    def cancel(self) -> None:
        """Tell the step to stop, and stop what can be stopped."""
        self.cancelled = True
        if self.interrupt is not None:
            self.interrupt()


class StepContext:
    """The execution that a step is called in.

    ``run_id`` is text; ``attempt`` counts from 1 up to ``max_attempts``. ``failure`` is the latest failure on
    this run's way here, ``{step, code, message, type, details, attempts}``; ``schedule`` the cron tick that the
    run is for, ``{signal_id, intended_window, scheduled_for}``. ``connection`` is set in a step with
    ``transaction: true`` alone.
    """

    def __init__(
        self,
        *,
        run_id: str,
        workflow: str,
        trigger: str,
        step: str,
        attempt: int,
        max_attempts: int,
        payload: Callable[[], dict[str, Any]],
        context: Callable[[], dict[str, Any]],
        failure: Mapping[str, Any] | None = None,
        schedule: Mapping[str, Any] | None = None,
        signals: ClaimSignals | None = None,
        connection: Connection | None = None,
        kind: StepRunKind = StepRunKind.STEP,
    ) -> None:
        self.run_id = run_id
        self.workflow = workflow
        self.trigger = trigger
        self.step = step
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.failure = failure
        self.schedule = schedule
        self.connection = connection
        self._payload = payload
        self._context = context
        self._signals = signals or ClaimSignals()
        self._kind = kind

    def __repr__(self) -> str:
        return f"<StepContext {self.workflow}/{self.step} of run {self.run_id}, attempt {self.attempt}>"

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The validated input of the run."""
        return self._payload()

    @cached_property
    def context(self) -> dict[str, Any]:
        """The payload merged with the outputs of the completed steps that this one may see."""
        return self._context()

    @cached_property
    def idempotency_key(self) -> str:
        """A UUID to send to other systems: the same for every attempt at this step of this run.

        A compensation has a key of its own, so that undoing is never taken for a repetition of doing.
        """
        purpose = "" if self._kind is StepRunKind.STEP else f"/{self._kind.name.lower()}"
        return str(uuid5(_KEYS, f"{self.run_id}/{self.step}{purpose}"))

    @cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that adds ``run_id``, ``workflow``, ``step`` and ``attempt`` to every record."""
        facts = {"run_id": self.run_id, "workflow": self.workflow, "step": self.step, "attempt": self.attempt}
        return _FactsAdapter(_LOGGER, facts)

    @property
    def cancelled(self) -> bool:
        """Whether the step should stop: the run is cancelled, or the attempt is past its ``timeout``."""
        return self._signals.cancelled

    @property
    def claim_lost(self) -> bool:
        """Whether the worker's claim has passed to another, so that this result will not count."""
        return self._signals.lost


class _FactsAdapter(logging.LoggerAdapter[logging.Logger]):
    """Adds facts to each record and keeps what the caller adds (the standard adapter drops it before 3.13)."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **(self.extra or {})}
        return msg, kwargs
