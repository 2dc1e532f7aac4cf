"""The claims that this process holds, from the claim to the record."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from squidmesh.steps.context import ClaimSignals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta
    from uuid import UUID

    from squidmesh.runtime.preparation import Prepared


@dataclass(slots=True, eq=False)
class Held:
    """A step run that this process has claimed; times are of ``time.monotonic``.

    ``lease_until`` is when the claim may be taken by others, as far as this process knows;
    ``chain_since`` when the first step of its chain was claimed; ``began`` when it was called (0: not yet), and
    ``took`` for how many seconds it then was executed;
    ``timeout_at`` when the attempt ends as timed out (None until the call, or without a timeout); ``over``
    that its end was submitted.
    """

    task: Prepared
    lease_until: float
    chain_since: float
    signals: ClaimSignals = field(default_factory=ClaimSignals)
    began: float = 0.0
    took: float = 0.0
    timeout_at: float | None = None
    over: bool = False

    @property
    def id(self) -> UUID:
        """The step run's id."""
        return self.task.claim.id


class InFlight:
    """A thread-safe collection of what is held, by step run."""

    def __init__(self, lease: timedelta) -> None:
        self.lease = lease
        self._held: dict[UUID, Held] = {}
        self._expected: dict[UUID, UUID] = {}
        self._late: dict[Held, float] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def alone(self) -> bool:
        """Whether a step is held beside which nothing may be claimed."""
        return any(held.task.claim.alone for held in self.all())

    def add(self, task: Prepared, *, claimed_at: float, chain_since: float | None = None) -> Held:
        """Hold a claim made at ``claimed_at``, on its own or as the next of a chain."""
        held = Held(
            task=task,
            lease_until=claimed_at + self.lease.total_seconds(),
            chain_since=claimed_at if chain_since is None else chain_since,
        )
        with self._lock:
            self._held[held.id] = held
        return held

    def get(self, id_: UUID) -> Held | None:
        """Return the claim on a step run, None if it is not held."""
        return self._held.get(id_)

    def remove(self, held: Held) -> None:
        """Forget a claim; a newer one on the same step run stays."""
        with self._lock:
            if self._held.get(held.id) is held:
                del self._held[held.id]

    def all(self) -> list[Held]:
        """Return what is held now."""
        with self._lock:
            return list(self._held.values())

    def expect(self, held: Held, token: UUID) -> None:
        """Know ``token`` as ours: that of the successor which is about to be recorded with ``held``."""
        self._expected[held.id] = token

    def forget(self, held: Held) -> None:
        """Expect no successor of ``held`` any more: it is held by now, or was not handed over."""
        self._expected.pop(held.id, None)

    def tokens(self) -> set[UUID]:
        """Return the tokens of what is held or expected."""
        expected = set(self._expected.copy().values())  # first: what is expected is held before it is forgotten
        return expected | {held.task.claim.token for held in self.all()}

    def end(self, held: Held) -> bool:
        """Say that the attempt has ended; False if its end was submitted before (it had timed out)."""
        with self._lock:
            if held.over:
                return False
            held.over = True
            return True

    def take_timed_out(self) -> list[Held]:
        """End the attempts that have passed their timeout, and return them."""
        now = time.monotonic()
        late = [held for held in self.all() if held.timeout_at is not None and held.timeout_at <= now]
        self._late.update(dict.fromkeys(late, now))  # before the end, which a thread that comes back looks at
        ended = [held for held in late if self.end(held)]
        for held in set(late).difference(ended):
            self._late.pop(held, None)
        return ended

    def returned(self, held: Held) -> None:
        """Say that the thread of an attempt is free again, whether that had passed its timeout or not."""
        self._late.pop(held, None)

    def stuck(self) -> int:
        """Return how many threads have not come back from an attempt for a whole lease after its timeout."""
        since = time.monotonic() - self.lease.total_seconds()
        return sum(1 for late_at in self._late.copy().values() if late_at <= since)

    def next_timeout(self) -> float | None:
        """Return when the next attempt times out."""
        return min((h.timeout_at for h in self.all() if not h.over and h.timeout_at is not None), default=None)

    def extend(self, ids: Iterable[UUID], beaten_at: float) -> None:
        """Move on the leases that a heartbeat sent at ``beaten_at`` extended."""
        for id_ in ids:
            held = self._held.get(id_)
            if held is not None:
                held.lease_until = beaten_at + self.lease.total_seconds()
