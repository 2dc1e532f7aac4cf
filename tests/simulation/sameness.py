"""Whether what is stored is what the model in memory says, row by row."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from tests.invariants.facts import Facts
    from tests.simulation.rows import Row
    from tests.simulation.world import World

_STEP = (
    *("status", "attempt", "losses", "run_at", "lease_until", "begun_at", "open_deps", "live_deps", "output"),
    *("completed_seq", "scheduled_seq", "deadline_at", "created_at", "started_at", "finished_at"),
)
_RUN = (
    *("status", "phase", "goal", "compensate", "active", "retrying", "paused", "seq", "current_step", "failure"),
    *("last_error", "deadline_at", "created_at", "started_at", "finished_at"),
    *("trigger", "definition_hash", "payload", "schedule", "scheduled_for"),
)
_ATTEMPT = ("number", "status", "error", "finished_at")


def assert_same(facts: Facts, stored: Sequence[UUID], world: World) -> None:
    """Compare every run, step run, attempt, event and booking; ``stored`` are the runs in the model's order."""
    model = world.facts()
    assert set(facts.runs) == set(stored), "other runs are stored than were started"
    found = {id_: number for number, id_ in enumerate(stored)}
    known = {run.run["id"]: number for number, run in enumerate(world.runs)}
    for id_, run in zip(stored, world.runs, strict=True):
        assert _run(facts.runs[id_], found) == _run(run.run, known)
    seen, meant = _steps(facts, found), _steps(model, known)
    assert set(seen) == set(meant)
    for place, row in meant.items():
        different = {
            column: (seen[place][column], value) for column, value in row.items() if seen[place][column] != value
        }
        assert not different, f"{place}: (stored, meant) {different}"
    assert _schedules(facts) == _schedules(model)
    for of in (_attempts, _events, _bookings):
        assert of(facts, found) == of(model, known)


def _schedules(facts: Facts) -> dict[str, Row]:
    columns = ("cron", "definition_hash", "paused_at", "last_fired_at")
    return {row["trigger"]: _of(row, columns) for row in facts.rows["schedules"]}


def _of(row: Row, columns: Sequence[str]) -> Row:
    return {column: row[column] for column in columns}


def _run(row: Row, numbers: Mapping[Any, int]) -> Row:
    return _of(row, _RUN) | {"replayed": numbers.get(row["replayed_from"])}


def _place(row: Row, numbers: Mapping[Any, int]) -> tuple[int, str, int]:
    return numbers[row["run_id"]], row["step"], row["kind"]


def _steps(facts: Facts, numbers: Mapping[Any, int]) -> dict[Any, Row]:
    found = {}
    for row in facts.steps.values():
        resume = row["resume"] or {}
        origin = facts.steps.get(row["origin_id"])
        found[_place(row, numbers)] = _of(row, _STEP) | {
            "claimed": row["claim_token"] is not None,
            "why": resume.get("reason"),
            "error": resume.get("error"),
            "carried failure": resume.get("failure"),
            "origin": _place(origin, numbers) if origin is not None else None,
        }
    return found


def _attempts(facts: Facts, numbers: Mapping[Any, int]) -> list[Any]:
    kept = [(facts.steps[row["step_run_id"]], row) for row in facts.rows["attempts"]]
    return sorted((_place(step, numbers), *(str(row[column]) for column in _ATTEMPT)) for step, row in kept)


def _events(facts: Facts, numbers: Mapping[Any, int]) -> Counter[Any]:
    return Counter((numbers[row["run_id"]], row["type"], row["step"]) for row in facts.rows["events"])


def _bookings(facts: Facts, numbers: Mapping[Any, int]) -> Counter[Any]:
    return Counter((numbers[row["run_id"]], row["step"]) for row in facts.rows["bookings"])
