"""The ticks of a schedule, against an oracle that looks at every minute of three years."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from squidmesh.model.definition import Cron
from squidmesh.runtime.ticks import Ticks

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2028, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]
# The minutes and hours that match, beside the expression that says so.
HOURLY = {"0,30 0-23 * * *": (0, 30), "7 * * * *": (7,)}
FIXED = {
    "30 2 * * *": ({30}, {2}),
    "0 2 * * *": ({0}, {2}),
    "45 1 * * *": ({45}, {1}),
    "15,45 1-3 * * *": ({15, 45}, {1, 2, 3}),
    "0 */2 * * *": ({0}, set(range(0, 24, 2))),
}


def half_hours_of_days(zone: ZoneInfo) -> dict[date, list[tuple[datetime, datetime]]]:
    """Return, for each local day, its real half-hours in order, as (wall clock, UTC).

    All three zones change their clocks on a half-hour of UTC, so that each has thirty plain minutes.
    """
    days: dict[date, list[tuple[datetime, datetime]]] = defaultdict(list)
    moment = BEGIN - timedelta(days=1)
    while moment < END + timedelta(days=1):
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        days[wall.date()].append((wall, moment))
        moment += 30 * MINUTE
    return days


@pytest.fixture(scope="module", params=ZONES)
def calendar(request):
    """A zone with all of its half-hours, by local day."""
    return request.param, half_hours_of_days(ZoneInfo(request.param))


def listed(expression: str, zone: str) -> list[datetime]:
    """Return every tick of the three years, by asking for one after the other."""
    ticks, found, moment = Ticks(Cron(expression=expression, timezone=zone)), [], BEGIN - MINUTE
    while (tick := ticks.after(moment)) is not None and tick < END:
        found.append(tick)
        moment = tick
    return found


@pytest.mark.parametrize("expression", FIXED)
def test_a_named_hour_fires_once_a_local_day(expression, calendar):
    """Each wall-clock time fires once a day: a repeated one at the first, a skipped one moved with the clocks."""
    zone, days = calendar
    minutes, hours = FIXED[expression]
    expected = set()
    for day, real in days.items():
        first = {wall + m * MINUTE: moment + m * MINUTE for wall, moment in reversed(real) for m in (0, 15)}
        for hour in hours:
            for minute in minutes:
                wall = datetime.combine(day, time(hour, minute))
                if wall in first:
                    expected.add(first[wall])
                elif len(real) < 48:  # skipped: as long after midnight in real time as on any other day
                    expected.add(real[0][1] + timedelta(hours=hour, minutes=minute))
    assert listed(expression, zone) == sorted(moment for moment in expected if BEGIN <= moment < END)


@pytest.mark.parametrize("expression", HOURLY)
def test_a_schedule_of_every_hour_fires_by_real_time(expression, calendar):
    """It fires at every real minute whose wall clock matches: twice where the hour comes twice, never in a gap."""
    zone, days = calendar
    every = [
        (wall + m * MINUTE, moment + m * MINUTE) for real in days.values() for wall, moment in real for m in (0, 7)
    ]
    expected = [moment for wall, moment in every if wall.minute in HOURLY[expression]]
    assert listed(expression, zone) == sorted(moment for moment in expected if BEGIN <= moment < END)


def test_a_day_has_one_tick_on_both_changes():
    """The case in point, in words: 02:30 in New York on 8 March and 1 November 2026, 01:30 not twice."""
    daily = Ticks(Cron(expression="30 1,2 * * *", timezone="America/New_York"))
    spring = daily.between(datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC), 100)
    autumn = daily.between(datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 2, 5, tzinfo=UTC), 100)
    assert [tick.astimezone(daily.zone).strftime("%H:%M%z") for tick in spring] == ["01:30-0500", "03:30-0400"]
    assert [tick.astimezone(daily.zone).strftime("%H:%M%z") for tick in autumn] == ["01:30-0400", "02:30-0500"]


@pytest.mark.parametrize("expression", ["*/5 * * * *", "0 9 * * 1-5", "0 0 29 2 *", "* * 1 1 *"])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_the_last_ticks_of_a_span_are_found_from_its_end(expression, limit):
    """``between`` gives what listing the whole span and keeping its end gives."""
    ticks = Ticks(Cron(expression=expression, timezone="Europe/Berlin"))
    after, upto = datetime(2024, 2, 1, 0, 3, tzinfo=UTC), datetime(2024, 3, 15, 12, tzinfo=UTC)
    every, moment = [], after
    while (tick := ticks.after(moment)) is not None and tick <= upto:
        every.append(tick)
        moment = tick
    assert ticks.between(after, upto, limit) == every[-limit:]


def test_a_span_is_open_at_its_beginning_and_closed_at_its_end():
    """A tick that was fired is not fired again, and one that is due this very moment is."""
    ticks = Ticks(Cron(expression="0 * * * *"))
    begin = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert ticks.between(begin, begin + timedelta(hours=1), 10) == [begin + timedelta(hours=1)]
    assert ticks.between(begin, begin, 10) == []


def test_a_schedule_that_never_fires_has_no_next_tick():
    """The thirtieth of February is not searched for ever."""
    assert Ticks(Cron(expression="0 0 30 2 *")).after(BEGIN) is None
    assert Ticks(Cron(expression="* * 30 2 *")).after(BEGIN) is None


def test_a_yearly_schedule_of_every_hour_knows_the_offset_of_its_day():
    """A tick half a year away is not given the offset of today."""
    ticks = Ticks(Cron(expression="0 * 1 7 *", timezone="Europe/Berlin"))
    assert ticks.after(datetime(2026, 1, 15, tzinfo=UTC)) == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_fires_once():
    """Samoa had no 30 December 2011: its tick falls on the next day's, and is one."""
    ticks = Ticks(Cron(expression="0 12 * * *", timezone="Pacific/Apia"))
    found = ticks.between(datetime(2011, 12, 28, 12, tzinfo=UTC), datetime(2012, 1, 1, 12, tzinfo=UTC), 10)
    assert len(found) == len(set(found))
    assert [tick.astimezone(ticks.zone).day for tick in found] == [28, 29, 31, 1]
