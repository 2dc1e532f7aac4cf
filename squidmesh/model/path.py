"""Paths into a run's data: ``order.items.0.sku`` or, from a root, ``payload.order.items.0.sku``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

ROOTS = ("payload", "context", "run", "failure")
NAME = re.compile(r"[a-z][a-z0-9_]*")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_INDEX = re.compile(r"[0-9]{1,9}")  # Python refuses to read integers of thousands of digits


class Missing:
    """The type of ``MISSING``: nothing stands at a path (``None`` is a value)."""


MISSING = Missing()


def split(path: str) -> tuple[str, ...]:
    """Return the segments of a dotted path; ``ValueError`` if it is not one."""
    segments = tuple(path.split("."))
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError(f"{path!r} is not a path: write keys joined by dots, such as order.items.0.sku")
    return segments


def first_key(path: str) -> tuple[str | None, str]:
    """Return (root, key) of a path: the root it starts at, None for the context, and the key looked up there."""
    segments = split(path)
    if segments[0] in ROOTS:
        return segments[0], segments[1] if len(segments) > 1 else ""
    return None, segments[0]


def descend(value: object, segments: Sequence[str]) -> object:
    """Return what stands below ``value`` at ``segments``, or ``MISSING``."""
    for segment in segments:
        if isinstance(value, Mapping):
            if segment not in value:
                return MISSING
            value = value[segment]
        elif isinstance(value, list) and _INDEX.fullmatch(segment) and int(segment) < len(value):
            value = value[int(segment)]
        else:
            return MISSING
    return value
