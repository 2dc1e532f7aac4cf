"""The one invariant checker: reads the engine's tables and the ledger, and lists what must not be.

``check(url)`` after any test that wrote a ledger; ``settled=False`` while runs are under way or faults go on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.invariants import ending, execution, history, recorded, ticking, timing, undoing
from tests.invariants.facts import Facts, Violation, read_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Check = "Callable[[Facts], Iterable[Violation]]"
ALWAYS: Mapping[str, Callable[[Facts], Iterable[Violation]]] = {
    "I2": recorded.terminal_states_never_change,
    "I3": recorded.one_recorded_completion,
    "I3, of effects": undoing.effects_are_undone_once,
    "I4": execution.executions_are_accounted_for,
    "I5": execution.nothing_starts_too_early,
    "I6": execution.stale_claims_are_refused,
    "I7": execution.executions_overlap_only_after_a_loss,
    "I8": recorded.attempts_stay_within_limits,
    "I9": history.history_replays_to_the_stored_state,
    "I10": timing.nothing_fires_before_its_time,
    "I11": ticking.ticks_are_those_of_an_oracle,
}
SETTLED: Mapping[str, Callable[[Facts], Iterable[Violation]]] = {
    "I1": ending.acknowledged_runs_have_ended,
    "I12": ending.nothing_is_held_at_rest,
}


@dataclass(frozen=True)
class Report:
    """What was looked at, and every violation found."""

    facts: Facts
    violations: tuple[Violation, ...]

    @property
    def clean(self) -> bool:
        """Whether every invariant holds."""
        return not self.violations

    @property
    def broken(self) -> set[str]:
        """The names of the invariants that do not hold."""
        return {violation.invariant for violation in self.violations}

    def __str__(self) -> str:
        counts = Counter(violation.invariant for violation in self.violations)
        seen = f"{len(self.facts.runs)} runs, {len(self.facts.steps)} step runs, {len(self.facts.execution)} executions"
        if self.clean:
            return f"all invariants hold over {seen}"
        total = ", ".join(f"{name} {count} times" for name, count in sorted(counts.items()))
        return "\n".join([f"broken over {seen}: {total}", *map(str, self.violations[:20])])


def check(url: str, *, schema: str = "squidmesh", settled: bool = True, max_losses: int = 3) -> Report:
    """Check every invariant; those that hold only once the faults have stopped and all runs ended, if ``settled``."""
    facts = read_facts(url, schema=schema, max_losses=max_losses)
    return check_facts(facts, settled=settled)


def check_facts(facts: Facts, *, settled: bool = True) -> Report:
    """Check what was read."""
    checks = {**ALWAYS, **(SETTLED if settled else {})}
    found = [violation for looked in checks.values() for violation in looked(facts)]
    return Report(facts=facts, violations=tuple(found))


def assert_clean(url: str, *, schema: str = "squidmesh", settled: bool = True, max_losses: int = 3) -> Report:
    """Check, and fail with the whole list if an invariant is broken."""
    report = check(url, schema=schema, settled=settled, max_losses=max_losses)
    assert report.clean, str(report)
    return report
