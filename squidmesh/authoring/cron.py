"""Cron expressions: five fields, read by croniter, judged one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, or L for the last"),
    ("month", "1 to 12 or jan to dec"),
    ("day of week", "0 (Sunday) to 6, or sun to sat"),
)
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# croniter reads an R as "some value", another one in each process.
_RANDOM = re.compile(r"\bR\b|R\(", re.IGNORECASE)
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronProblem:
    """What is wrong with a cron expression; ``offset`` and ``length`` name a part of its text."""

    message: str
    offset: int = 0
    length: int | None = None


def check_cron(text: str) -> CronProblem | None:
    """Return the first thing wrong with ``text`` as a cron expression of five fields."""
    parts = list(re.finditer(r"\S+", text))
    if text.strip().lower() in _NICKNAMES:
        return CronProblem(message=f"write the five fields of {text.strip()}: '{_NICKNAMES[text.strip().lower()]}'")
    if len(parts) != len(FIELDS):
        names = ", ".join(name for name, _ in FIELDS)
        hint = "; seconds and years have no field" if len(parts) > len(FIELDS) else ""
        return CronProblem(message=f"a cron expression has five fields ({names}), this one has {len(parts)}{hint}")
    for position, part in enumerate(parts):
        if not _accepts(part[0], position):
            name, accepted = FIELDS[position]
            message = f"{part[0]!r} is not valid as {name}: {accepted}, with , - / and * as in '1-5', '*/10' or '0,30'"
            return CronProblem(message=message, offset=part.start(), length=len(part[0]))
    return None


def fires(text: str) -> bool:
    """Return whether a good cron expression has a next time at all, within croniter's horizon of fifty years."""
    library = _library()
    try:
        library.croniter(text, _ANY_MOMENT).get_next(datetime)
    except library.CroniterBadDateError:
        return False
    return True


def restricts_both_days(text: str) -> bool:
    """Return whether day of month and day of week are both given, of which cron then takes either."""
    parts = text.split()
    return not parts[2].startswith(("*", "?")) and not parts[4].startswith(("*", "?"))


def _accepts(part: str, position: int) -> bool:
    library = _library()
    if _RANDOM.search(part):
        return False
    fields = ["*"] * len(FIELDS)
    fields[position] = part
    try:
        library.croniter.expand(" ".join(fields))
    except (library.CroniterError, ValueError, KeyError, IndexError):
        return False
    return True


def _library() -> Any:
    import croniter  # noqa: PLC0415 - only files with a schedule should pay for it

    return croniter
