"""Times on the command line: ages for people, and moments that people write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from squidmesh.model.duration import parse_duration

_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


def age(now: datetime, since: datetime | None) -> str:
    """Return how long ago something was, in the largest unit of which it is at least one; nothing if never."""
    if since is None:
        return ""
    seconds = max((now - since).total_seconds(), 0.0)
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:.0f}s"


def lasted(length: timedelta) -> str:
    """Return how long something took or has taken, as exact as is of use."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def read_moment(text: str, *, option: str) -> datetime:
    """Return a moment written with its zone, in ISO 8601."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a time such as 2026-05-26T09:00Z", param_hint=option) from error
    if moment.tzinfo is None:
        whole = f"{text}T00:00" if len(text) <= len("2026-05-26") else text
        raise click.BadParameter(f"{text!r} has no zone; write it as {whole}Z for UTC", param_hint=option)
    return moment


def read_since(text: str | None) -> datetime | None:
    """Return the moment of ``--since``: a time, or a duration such as ``2h`` before now."""
    if text is None:
        return None
    try:
        return datetime.now(UTC) - parse_duration(text)
    except ValueError:
        if not text[:4].isdigit() or "-" not in text:
            hint = f"{text!r} is neither a duration such as 2h or 7d nor a time such as 2026-05-26T09:00Z"
            raise click.BadParameter(hint, param_hint="--since") from None
    return read_moment(text, option="--since")
