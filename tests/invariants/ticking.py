"""Schedules against an oracle of their own: every minute is looked at, no cron library asked."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.invariants.facts import Facts, Row, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 24 * 60
MOST_CAUGHT_UP = 100


def ticks_are_those_of_an_oracle(facts: Facts) -> Iterator[Violation]:
    """I11: each time a schedule moved on, the runs of the ticks that it passed are those of its policy, each once.

    ``catch_up: all`` starts every tick, ``latest`` the last one, ``none`` the last or nothing; with ``overlap: skip``
    one at most; while it is paused nothing.
    """
    runs: dict[tuple[str, str], list[Row]] = {}
    for run in facts.runs.values():
        if run["scheduled_for"] is not None:
            runs.setdefault((run["workflow"], run["trigger"]), []).append(run)
    for name, fired in runs.items():
        times = [run["scheduled_for"] for run in fired]
        if len(set(times)) < len(times):
            yield Violation("I11", "a tick fired twice", {"schedule": name, "ticks": _texts(times)})
    made_by = {move["run_id"]: move["tx"] for move in facts.rows["run_moves"] if move["was"] is None}
    moves = facts.rows["schedule_moves"]
    # A schedule that was given another cron forgets what it has missed, in the same transaction.
    several = Counter((move["workflow"], move["trigger"], move["tx"]) for move in moves)
    for move in moves:
        if move["was"] is None or move["fired"] is None or move["fired"] <= move["was"]:
            continue
        name = (move["workflow"], move["trigger"])
        if several[*name, move["tx"]] > 1:
            continue
        made = {run["scheduled_for"] for run in runs.get(name, []) if made_by[run["id"]] == move["tx"]}
        there = {run["scheduled_for"] for run in runs.get(name, []) if run["created_at"] <= move["at"]} - made
        due = [] if move["paused"] else ticks(move["cron"], move["was"], move["fired"])
        if not _as_wanted(move["cron"], due, made, there):
            shown = {"due": _texts(due), "fired": _texts(made)}
            yield Violation("I11", "a schedule fired otherwise than due", {"schedule": move["trigger"]} | shown)


def _as_wanted(cron: Mapping[str, Any], due: list[datetime], made: set[datetime], there: set[datetime]) -> bool:
    """Return whether the runs made are those wanted; of a tick whose run is there no second one is."""
    catch_up, overlap = cron.get("catch_up", "latest"), cron.get("overlap", "allow")
    wanted = set(due[-MOST_CAUGHT_UP:] if catch_up == "all" else due[-1:])
    if overlap == "skip" or catch_up == "none":
        return made <= wanted and len(made) <= 1
    return made <= wanted and wanted - made <= there


def ticks(cron: Mapping[str, Any], after: datetime, upto: datetime) -> list[datetime]:
    """Return the moments after ``after``, up to ``upto``, at which a schedule is due.

    One that names hours fires once a local day for each wall-clock time: at the first of a repeated one, and in place
    of one that a change of clocks left out, as long after midnight as on any other day. One of every hour goes by
    real time.
    """
    zone = ZoneInfo(cron.get("timezone", "Etc/UTC"))
    fields = [_values(*each) for each in zip(cron["expression"].split(), _RANGES, strict=True)]
    starred = [field == "*" or field.startswith("*/") for field in cron["expression"].split()]
    found = set()
    day = after.astimezone(zone).date() - timedelta(days=1)
    while day <= upto.astimezone(zone).date() + timedelta(days=1):
        if _falls_on(day, fields, starred):
            found |= set(_of_day(day, zone, frozenset(fields[0]), frozenset(fields[1])))
        day += timedelta(days=1)
    return sorted(moment for moment in found if after < moment <= upto)


_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def _values(field: str, bounds: tuple[int, int]) -> set[int]:
    """Return the numbers that a cron field stands for."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = (f"{bounds[0]}-{bounds[1]}" if span == "*" else span).partition("-")
        top = int(high) if high else (bounds[1] if step else int(low))
        found |= set(range(int(low), top + 1, int(step or 1)))
    return found


def _falls_on(day: date, fields: list[set[int]], starred: list[bool]) -> bool:
    in_month = day.day in fields[2]
    in_week = bool({day.isoweekday() % 7, day.isoweekday()} & fields[4])
    either = (in_month or in_week) if not starred[2] and not starred[4] else (in_month and in_week)
    return day.month in fields[3] and either


@lru_cache(maxsize=4096)
def _of_day(day: date, zone: ZoneInfo, minutes: frozenset[int], hours: frozenset[int]) -> tuple[datetime, ...]:
    """Return the moments of one local day."""
    return tuple(_moments(day, zone, minutes, hours))


def _moments(day: date, zone: ZoneInfo, minutes: frozenset[int], hours: frozenset[int]) -> Iterator[datetime]:
    """Yield the moments of one local day, looking at each of its real minutes."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    first: dict[tuple[int, int], datetime] = {}
    moment = midnight
    while (wall := moment.astimezone(zone)).date() == day:
        if wall.minute in minutes and wall.hour in hours:
            if len(hours) == 24:
                yield moment
            first.setdefault((wall.hour, wall.minute), moment)
        moment += _MINUTE
    if len(hours) == 24:
        return
    short = moment - midnight < _DAY_MINUTES * _MINUTE
    for hour in hours:
        for minute in minutes:
            if (hour, minute) in first:
                yield first[hour, minute]
            elif short:
                yield midnight + timedelta(hours=hour, minutes=minute)


def _texts(times: Any) -> list[str]:
    return [moment.isoformat() for moment in sorted(times)]
