"""Performing a scenario: surroundings, the story, then the one checker, whatever came of the story."""

from __future__ import annotations

import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.arena import Arena
from tests.chaos.outcome import Outcome
from tests.invariants.checker import Report, check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.chaos.cluster import Cluster
    from tests.chaos.scale import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row of the fault table: ``story`` brings the fault about, and asserts what is to become of it.

    ``alone`` says that it needs a server of its own, because it restarts it. ``settings`` are variables of
    the worker processes. ``needs`` is a program that may not be installed.
    """

    name: str
    story: Callable[[Arena], None]
    alone: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    needs: str | None = None

    @property
    def promise(self) -> str:
        """What is promised, in one sentence."""
        return (self.story.__doc__ or "").strip().splitlines()[0]


def perform(scenario: Scenario, cluster: Cluster, scale: Scale, seed: int) -> Outcome:
    """Perform a scenario and return its row."""
    began = time.monotonic()
    restarts = cluster.restarts
    with tempfile.TemporaryDirectory(prefix="squidmesh-chaos-") as name:
        folder = Path(name)
        with Arena(cluster, scale, f"{scenario.name} {seed}", folder, dict(scenario.settings)) as arena:
            problem = _tell(scenario, arena)
            report = check(arena.url, max_losses=arena.max_losses)
            recoveries = arena.recoveries()
    return Outcome(
        scenario=scenario.name,
        runs=len(report.facts.runs),
        kills=len(arena.kills),
        restarts=arena.restarts + cluster.restarts - restarts,
        lost=_count(report, "I1"),
        double=_count(report, "I3"),
        recoveries=recoveries,
        took=time.monotonic() - began,
        problem=problem or (None if report.clean else str(report)),
        broken=frozenset(report.broken),
    )


def _tell(scenario: Scenario, arena: Arena) -> str | None:
    """Let the story happen, then end the workers, so that what the checker reads is at rest."""
    try:
        scenario.story(arena)
        for process in arena.fleet.alive():
            process.end()
    except Exception:  # noqa: BLE001 - whatever it is, it is the row's problem, and the other scenarios go on
        return traceback.format_exc() + "\n".join(arena.fleet.tails())
    return None


def _count(report: Report, invariant: str) -> int:
    return sum(violation.invariant == invariant for violation in report.violations)
