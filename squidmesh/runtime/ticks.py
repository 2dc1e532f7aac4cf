"""The times at which a schedule fires: pure arithmetic over croniter and the zone's rules.

croniter is asked about wall-clock times alone; what a wall-clock time means in a zone is decided here:

- A schedule that names hours (``30 2 * * *``, ``0 */6 * * *``) fires once for each of its wall-clock times on
  every local day. A time that the spring change skips fires as much later as the clocks were moved (02:30
  becomes 03:30); a time that comes twice in autumn fires at its first occurrence.
- A schedule of every hour (``*/15 * * * *``) fires by real time: in the hour that comes twice it fires
  twice, in one that is skipped never.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squidmesh.model.definition import Cron

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_HOUR_FIELD = 1
_EVERY = ["*"]
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


class Ticks:
    """The ticks of one cron trigger; every time that goes in is aware, every one that comes out is UTC.

    For one thread at a time: the expression is read once and its reader kept.
    """

    def __init__(self, cron: Cron) -> None:
        self.zone = ZoneInfo(cron.timezone)
        self._matching = croniter(cron.expression, _ANY_MOMENT)
        self._every_hour = self._matching.expanded[_HOUR_FIELD] == _EVERY

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick after a moment; None if there is none within croniter's fifty years."""
        moment = moment.astimezone(UTC)
        return self._real_time_after(moment) if self._every_hour else self._wall_time_after(moment)

    def between(self, after: datetime, upto: datetime, limit: int) -> list[datetime]:
        """Return the last ``limit`` ticks after one moment and up to another, the earliest first.

        The span is looked at from its end, in windows that double, so that a long outage costs no more than
        the ticks that are asked for.
        """
        window = timedelta(hours=1)
        while True:
            begin = max(after, upto - window)
            found = deque(self._within(begin, upto), maxlen=limit)
            if begin == after or len(found) == limit:
                return list(found)
            window *= 2

    def _within(self, after: datetime, upto: datetime) -> Iterator[datetime]:
        tick = self.after(after)
        while tick is not None and tick <= upto:
            yield tick
            tick = self.after(tick)

    def _wall_time_after(self, moment: datetime) -> datetime | None:
        """Each wall-clock time once a day: in a gap, walls and moments are not in the same order."""
        skipped = max(self._offset(moment) - self._offset(moment - _DAY), timedelta())
        best: datetime | None = None
        for wall in self._walls(self._local(moment) - skipped):
            tick = wall.replace(tzinfo=self.zone).astimezone(UTC)
            if tick > moment and (best is None or tick < best):
                best = tick
            if best is not None and wall >= self._local(best):
                return best
        return best

    def _real_time_after(self, moment: datetime) -> datetime | None:
        """Between two changes of the clocks, real time is wall-clock time less a constant."""
        offset, start = self._offset(moment), self._local(moment)
        while (wall := next(self._walls(start), None)) is not None:
            tick = (wall - offset).replace(tzinfo=UTC)
            change = self._change_within_a_day(moment)
            if change is not None and change <= tick:
                moment = change
                offset, start = self._offset(change), self._local(change) - _MINUTE
            elif tick - moment <= _DAY:
                return tick
            else:  # too far to be sure of the offset: nothing matches before, so look again from nearer
                moment = tick - _DAY / 2
                offset, start = self._offset(moment), self._local(moment)
        return None

    def _change_within_a_day(self, moment: datetime) -> datetime | None:
        """Return the first minute within a day at which the clocks show another offset."""
        before, later = self._offset(moment), moment + _DAY
        if self._offset(later) == before:
            return None
        earlier = moment
        while later - earlier > timedelta(seconds=1):
            middle = earlier + (later - earlier) / 2
            if self._offset(middle) == before:
                earlier = middle
            else:
                later = middle
        return (later + timedelta(seconds=30)).replace(second=0, microsecond=0)

    def _walls(self, after: datetime) -> Iterator[datetime]:
        """Yield the wall-clock times that match, after a wall-clock time."""
        self._matching.set_current(after.replace(second=0, microsecond=0, tzinfo=UTC), force=True)
        while True:
            try:
                yield self._matching.get_next(datetime).replace(tzinfo=None)
            except CroniterBadDateError:
                return

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def _offset(self, moment: datetime) -> timedelta:
        offset = moment.astimezone(self.zone).utcoffset()
        assert offset is not None, "a zone has an offset at every time"
        return offset
