"""Durations: a whole number with a unit, such as ``250ms``, ``5s``, ``10m``, ``2h`` or ``1d``."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_PATTERN = re.compile(r"([0-9]{1,12})(ms|[smhd])")
LONGEST = timedelta(days=3650)


def parse_duration(text: object) -> timedelta:
    """Return the length of time that ``text`` names; ``ValueError`` says what is wrong with it."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        raise ValueError(f"a duration needs a unit: write '{text}s' for seconds (units: ms, s, m, h, d)")
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a whole number and a unit, such as 250ms, 5s, 10m, 2h, 1d")
    count, unit = int(match[1]), _UNITS[match[2]]
    if count > LONGEST // unit:
        raise ValueError(f"{text!r} is longer than ten years")
    return count * unit


def format_duration(length: timedelta) -> str:
    """Return the shortest exact text of ``length``: the largest unit that divides it, so 90 s is ``90s``."""
    if not length:
        return "0s"
    for unit, size in _UNITS.items():
        if length % size == timedelta():
            return f"{length // size}{unit}"
    return f"{round(length / _UNITS['ms'])}ms"


def to_duration(value: str | float | timedelta) -> timedelta:
    """Return a length given by a caller of the Python API: text with a unit, seconds, or a ``timedelta``."""
    if isinstance(value, str):
        return parse_duration(value)
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not 0 <= seconds <= LONGEST.total_seconds():  # before timedelta() sees it: infinity overflows there
        raise ValueError(f"{value!r:.80} is not between zero and ten years")
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
