"""SM602: time zones have IANA names."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, trigger in subject.workflow.triggers.items():
        if trigger.cron is not None and not _exists(trigger.cron.timezone):
            message = f"there is no time zone {trigger.cron.timezone!r}{_near(trigger.cron.timezone)}"
            yield subject.document.diagnostic("SM602", message, ("triggers", name, "timezone"))


@cache
def _exists(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _near(name: str) -> str:
    known = sorted(zoneinfo.available_timezones())
    cities = {zone.rpartition("/")[2].lower(): zone for zone in known}
    city = name.rpartition("/")[2].replace(" ", "_").lower()
    if city in cities:
        return f" (did you mean {cities[city]!r}?)"
    near = suggestion(name, known) if "/" in name else ""  # abbreviations are near to others that mean another zone
    return near or "; write an IANA name such as 'Europe/Berlin' or 'Etc/UTC'"


_GOOD = """\
workflow: billing.nightly
triggers:
  nightly: {cron: "30 3 * * 1-5", timezone: Europe/Berlin}
steps:
  collect: {uses: billing.collect, next: complete}
"""

RULE = Rule(
    code="SM602",
    name="unknown-timezone",
    severity=Severity.ERROR,
    summary="A time zone is not in the time zone database.",
    explanation=(
        "Time zones are given by their IANA names, which know about daylight saving; abbreviations such as CEST and "
        "offsets such as +02:00 do not."
    ),
    bad=_GOOD.replace("Europe/Berlin", "Europe/Belrin"),
    good=_GOOD,
    check=_check,
)
