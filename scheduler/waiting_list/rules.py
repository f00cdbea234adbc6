"""Whom a time suits, how long it's held for them, and how often it's offered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST_WISHES = 3
"""How many wishes a student can have at a time in one server."""
LONGEST_WAIT = timedelta(days=60)
MOST_OFFERS = 3
"""To how many people a time is offered one after the other, before everybody can book it."""
MOST_TOLD = 10
"""How many people are told of a time that everybody can book."""
MOST_UNANSWERED = 3
"""After how many offers that ran out without an answer a wish ends."""
SHARED_WITHIN = timedelta(hours=2)
"""How long before the start a time isn't held for anyone: whoever presses first gets it."""
EVERY_DAY = 0b1111111

_HELD = (
    (timedelta(hours=72), timedelta(hours=12)),
    (timedelta(hours=24), timedelta(hours=2)),
    (timedelta(0), timedelta(minutes=30)),
)
"""If it starts in more than the first, it's held for the second."""
_EVENING, _MORNING = time(22), time(8)
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """What would suit a student, on their own clock."""

    weekdays: int
    """A bit for each day, from Monday (1) to Sunday (64)."""
    from_minute: int
    """Minutes of the day. Sessions begin then or later."""
    until_minute: int
    """Sessions end then or earlier; 1440 is midnight."""
    until: datetime
    """Sessions start before then."""

    def suits(self, starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> bool:
        """Return whether `[starts_at, ends_at)` is on such a day and within these hours in this zone."""
        start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
        last = _minute(end)
        if end.date() != start.date():
            # Half past midnight is another day, but midnight itself is the end of this one.
            if last or (end.date() - start.date()).days != 1:
                return False
            last = _DAY_MINUTES
        is_on_day = self.weekdays >> start.weekday() & 1
        return bool(
            is_on_day
            and self.from_minute <= _minute(start)
            and last <= self.until_minute
            and starts_at < self.until
        )

    def could_suit(self, since: datetime, until: datetime, duration: timedelta, zone: ZoneInfo) -> bool:
        """Return whether any time in `[since, until)` could suit. It's cheap, and never wrong if it says no."""
        day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        while day <= last:
            if self.weekdays >> day.weekday() & 1:
                midnight = datetime.combine(day, time(), zone)
                # An hour more on either side, because of days on which the clocks change.
                opens = midnight.astimezone(UTC) + timedelta(minutes=self.from_minute, hours=-1)
                closes = midnight.astimezone(UTC) + timedelta(minutes=self.until_minute, hours=1)
                if min(closes, until) - max(opens, since) >= duration and opens < self.until:
                    return True
            day += timedelta(days=1)
        return False


def weekdays(days: Iterable[int]) -> int:
    """Return the bits of these days; Monday is 0."""
    return sum(1 << day for day in set(days))


def days_in(bits: int) -> list[int]:
    """Return the days of these bits; Monday is 0."""
    return [day for day in range(7) if bits >> day & 1]


def days_around(starts_at: datetime, ends_at: datetime) -> int:
    """Return the bits of all days on which this time can be, wherever on Earth somebody is."""
    first, last = (starts_at - timedelta(days=1)).date(), (ends_at + timedelta(days=1)).date()
    count = min((last - first).days + 1, 7)
    return weekdays((first + timedelta(days=one)).weekday() for one in range(count))


def is_shared(starts_at: datetime, now: datetime) -> bool:
    """Return whether it starts too soon to be held for anyone."""
    return starts_at - now <= SHARED_WITHIN


def held_until(starts_at: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    """Return until when a time that isn't shared is held for a student in this zone.

    An offer doesn't run out at night, from 22:00 to 08:00 on their clock, unless the session starts before 08:00.
    """
    left = starts_at - now
    until = now + next(held for more_than, held in _HELD if left > more_than)
    local = until.astimezone(zone)
    if _MORNING <= local.time() < _EVENING:
        return until
    day = local.date() + timedelta(days=1) if local.time() >= _EVENING else local.date()
    morning = datetime.combine(day, _MORNING, zone).astimezone(UTC)
    return morning if morning < starts_at else until


def _minute(at: datetime) -> int:
    return at.hour * 60 + at.minute
