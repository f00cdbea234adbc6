"""Compute free slots from hours, booking rules and busy times.

Internally, times are whole UTC minutes since 1970 and dates are ordinals. A window covers exactly the UTC minutes
whose local date and wall-clock minute it contains: an hour the clocks skip is missing, and one they repeat is
there twice.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from functools import lru_cache
from itertools import chain, starmap
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.time.intervals import union
from scheduler.time.local_time import (
    DAY_MINUTES,
    MINUTE,
    instant,
    instants,
    latest_ordinal,
    minute_after,
    minute_at,
    ordinal_of,
    stretches_from,
    stretches_of,
)

Window = tuple[int, int]
"""`[start, end)` in wall-clock minutes of the day."""
Windows = tuple[Window, ...]
"""The hours of one date, sorted. None touches the next."""
Week = Mapping[int, Sequence[Window]]
"""Weekday (Monday is 0) → its hours, in any order. Days without hours can be missing."""
Period = tuple[datetime, datetime]
"""`[start, end)`, aware."""

_MAX_CONTINUOUS = 15 * DAY_MINUTES
"""Longer windows count their steps from each local midnight, since nobody remembers when they started."""
_LOOK_BACK_DAYS = 17
_FAR = 1 << 60
_NEVER = (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class DayHours(NamedTuple):
    """A date override: hours that replace the weekly ones (none is a day off) or, with `adds`, extend them."""

    day: date
    windows: Sequence[Window]
    adds: bool = False


class Hours:
    """A coach's working hours on their own wall clock: weekly hours and date overrides."""

    def __init__(self, week: Week = MappingProxyType({}), dates: Iterable[DayHours] = ()) -> None:
        self._week = _MergedWeek(week)
        self._dates = {one.day.toordinal(): one for one in dates}

    def on(self, day: date) -> Windows:
        """Return the hours of this date."""
        return self._on(day.toordinal())

    def is_day_off(self, day: date) -> bool:
        """Return whether an override leaves this date without hours."""
        return day.toordinal() in self._dates and not self.on(day)

    def working_time(self, zone: ZoneInfo, first: date, last: date) -> list[Period]:
        """Return the hours from `first` to `last` (both included) as UTC periods that don't touch."""
        pieces = self.pieces(zone, first.toordinal(), last.toordinal())
        spans = union((start, end) for start, end, _ in pieces)
        return [(instant(start), instant(end)) for start, end in spans]

    def pieces(self, zone: ZoneInfo, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Yield working time from date `first` to `last` as `(start, end, start of the local day)`, in order."""
        week, dates = self._week, self._dates
        for ordinal in range(first, last + 1):
            stretches = stretches_from(zone, ordinal)
            for begin, end, offset, shown in stretches:
                for low, high in self._on(shown) if shown in dates else week[(shown + 6) % 7]:
                    low += offset
                    high += offset
                    if high > begin and low < end:
                        yield low if low > begin else begin, high if high < end else end, stretches[0][0]

    def _on(self, ordinal: int) -> Windows:
        usual, one = self._week[(ordinal + 6) % 7], self._dates.get(ordinal)
        if one is None:
            return usual
        return _merged((*usual, *one.windows) if one.adds else tuple(one.windows))


class _MergedWeek(dict[int, Windows]):
    """Weekday → hours, computed on first use, because finding the first free slot needs few of them."""

    def __init__(self, week: Week) -> None:
        self._week = week

    def __missing__(self, weekday: int) -> Windows:
        self[weekday] = windows = _merged(tuple(self._week.get(weekday, ())))
        return windows


@dataclass(frozen=True, slots=True)
class BookingRules:
    """The terms on which a coach can be booked. A limit of None means no limit."""

    zone: ZoneInfo
    slot_step: timedelta
    buffer_before: timedelta
    buffer_after: timedelta
    minimum_notice: timedelta
    horizon: timedelta
    daily_limit: int | None = None
    weekly_limit: int | None = None
    accepting: bool = True


class SlotRefusal(Enum):
    """Why a time can't be booked. Buttons carry the values, so add new ones at the end."""

    PAUSED = auto()
    TOO_SOON = auto()
    TOO_FAR = auto()
    DAY_OFF = auto()
    OUTSIDE_HOURS = auto()
    OFF_STEP = auto()
    DAILY_LIMIT = auto()
    WEEKLY_LIMIT = auto()
    TAKEN = auto()
    STUDENT_BUSY = auto()
    BUFFER = auto()
    CLOSED = auto()
    AWAY = auto()


class Closed(NamedTuple):
    """`[start, end)` in which nothing takes place, and why."""

    start: datetime
    end: datetime
    why: SlotRefusal


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everything that decides when a student can book a coach."""

    hours: Hours
    rules: BookingRules
    coach_busy: Sequence[Period] = ()
    """The coach's busy times, including the buffers they were booked with."""
    student_busy: Sequence[Period] = ()
    counted: Sequence[datetime] = ()
    """Starts of the sessions that count towards the coach's limits."""
    closed: Sequence[Closed] = ()
    """When nothing takes place, whatever the hours."""

    def free(self, duration: timedelta, *, now: datetime, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the bookable starts (UTC) in `[since, until)` for a session of `duration`, in order.

        A start is bookable if one continuous window holds the whole session, if the session and this booking's
        buffers don't overlap the coach's busy times, if the session itself overlaps neither the student's nor
        what's closed, if it's neither too soon (`now` itself always is) nor beyond the horizon, and if the limits
        of its local day and ISO week aren't used up.

        Candidates run from the start of each window in slot steps. Days are computed lazily, so taking only the
        first slot is cheap.
        """
        rules = self.rules
        low = minute_after(max(since, self._earliest(now)))
        high = min(minute_after(until) - 1, minute_at(now + rules.horizon))
        if low > high or not rules.accepting:
            return iter(())
        series = starmap(instants, self._runs(_minutes(duration), low, high))
        return chain.from_iterable(_unblocked(self._blocked(duration), series))

    def refusals(self, start: datetime, duration: timedelta, *, now: datetime) -> Iterator[SlotRefusal]:
        """Yield every reason this start can't be booked: none if (and only if) `free` yields it."""
        rules, at, end = self.rules, minute_at(start), start + duration
        if not rules.accepting:
            yield SlotRefusal.PAUSED
        yield from dict.fromkeys(one.why for one in self.closed if one.start < end and start < one.end)
        if start < self._earliest(now):
            yield SlotRefusal.TOO_SOON
        if start > now + rules.horizon:
            yield SlotRefusal.TOO_FAR
        if at != minute_after(start) or not any(self._runs(_minutes(duration), at, at)):
            yield self._hours_refusal(start, duration)
        full = (reason for reason, (first, until) in self._full_days() if first <= start < until)
        yield from dict.fromkeys(full)
        if _overlaps(self.coach_busy, start, end):
            yield SlotRefusal.TAKEN
        if _overlaps(self.student_busy, start, end):
            yield SlotRefusal.STUDENT_BUSY
        elif _overlaps(self.coach_busy, start - rules.buffer_before, end + rules.buffer_after):
            yield SlotRefusal.BUFFER

    def is_within_hours(self, start: datetime, end: datetime) -> bool:
        """Return whether `[start, end)` is entirely within the hours, ignoring the booking rules."""
        low, high, zone = minute_at(start), minute_after(end), self.rules.zone
        pieces = self.hours.pieces(zone, ordinal_of(low, zone), latest_ordinal(high))
        return any(left <= low and high <= right for left, right in union((one[0], one[1]) for one in pieces))

    def _earliest(self, now: datetime) -> datetime:
        """Return the earliest start that isn't too soon. Even without notice, that's after `now`."""
        return now + max(self.rules.minimum_notice, timedelta.resolution)

    def _hours_refusal(self, start: datetime, duration: timedelta) -> SlotRefusal:
        if self.is_within_hours(start, start + duration):
            return SlotRefusal.OFF_STEP
        day = start.astimezone(self.rules.zone).date()
        return SlotRefusal.DAY_OFF if self.hours.is_day_off(day) else SlotRefusal.OUTSIDE_HOURS

    def _runs(self, length: int, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield non-empty ranges of starts in `[low, high]` that fit the hours, ignoring what's busy."""
        zone, step = self.rules.zone, _minutes(self.rules.slot_step)
        start, opened, end = low, -_FAR, -_FAR
        restarts: list[int] = []
        for piece_start, piece_end, midnight in self.hours.pieces(
            zone, self._first_day(low), latest_ordinal(high + length)
        ):
            if piece_start > end:
                if piece_start > high:
                    return
                opened = start = piece_start
                restarts.clear()
            elif piece_start == midnight and midnight - opened >= _MAX_CONTINUOUS:
                restarts.append(midnight)
            end = piece_end
            while True:
                stop = end - length
                if stop > high:
                    stop = high
                if restarts and stop >= restarts[0]:
                    stop = restarts[0] - 1
                if start < low:
                    start -= (start - low) // step * step
                if start <= stop:
                    yield start, stop + 1, step
                    start -= (start - stop - 1) // step * step
                if not restarts or end - length < restarts[0]:
                    break
                start = restarts.pop(0)

    def _first_day(self, low: int) -> int:
        """Return the date on which the window around `low` opens, looking back a limited number of days."""
        zone, ordinal = self.rules.zone, ordinal_of(low, self.rules.zone)
        for _ in range(_LOOK_BACK_DAYS):
            stretches = stretches_of(zone, ordinal)
            if stretches:
                begin, _, offset = stretches[0]
                first = begin - offset  # not 0 if the clocks skip midnight
                if not any(opens <= first < ends for opens, ends in self.hours.on(date.fromordinal(ordinal))):
                    break
            ordinal -= 1
        return ordinal

    def _blocked(self, duration: timedelta) -> list[Period]:
        """Return the periods in which no session can start, sorted; the last one is `_NEVER`."""
        rules = self.rules
        before, reach = rules.buffer_before, duration + rules.buffer_after - timedelta.resolution
        blocked = [(start - reach, end + before) for start, end in self.coach_busy if start < end]
        reach = duration - timedelta.resolution
        blocked += [(start - reach, end) for start, end in self.student_busy if start < end]
        blocked += [(one.start - reach, one.end) for one in self.closed]
        blocked += [full for _, full in self._full_days()]
        blocked.sort()
        blocked.append(_NEVER)
        return blocked

    def _full_days(self) -> Iterator[tuple[SlotRefusal, Period]]:
        """Yield the days and weeks whose limit is used up."""
        rules = self.rules
        if rules.daily_limit is None and rules.weekly_limit is None:
            return
        by_day = Counter(ordinal_of(minute_at(start), rules.zone) for start in self.counted)
        by_week: Counter[int] = Counter()
        for ordinal, count in by_day.items():
            by_week[(ordinal - 1) // 7] += count  # the first day of the calendar was a Monday
            if rules.daily_limit is not None and count >= rules.daily_limit:
                yield from ((SlotRefusal.DAILY_LIMIT, day) for day in _whole_day(rules.zone, ordinal))
        for week, count in by_week.items():
            if rules.weekly_limit is not None and count >= rules.weekly_limit:
                for ordinal in range(week * 7 + 1, week * 7 + 8):
                    yield from ((SlotRefusal.WEEKLY_LIMIT, day) for day in _whole_day(rules.zone, ordinal))


@lru_cache(maxsize=4096)
def _merged(windows: tuple[Window, ...]) -> Windows:
    """Sort and merge windows. Cached, because coaches share hours; plain tuples, because they unpack faster."""
    return tuple((start, end) for start, end in union(windows))


def _whole_day(zone: ZoneInfo, ordinal: int) -> Iterator[Period]:
    """Yield the UTC periods of a local date."""
    return ((instant(begin), instant(end)) for begin, end, _ in stretches_of(zone, ordinal))


def _unblocked(blocked: Sequence[Period], series: Iterable[Sequence[datetime]]) -> Iterator[Sequence[datetime]]:
    """Remove starts that are in `blocked`, a sorted list of periods that ends with `_NEVER`."""
    upcoming = iter(blocked)
    blocked_from, blocked_until = next(upcoming)
    for starts in series:
        first = 0
        while blocked_from <= starts[-1]:
            if blocked_until > starts[first]:
                if blocked_from > starts[first]:
                    yield starts[first : bisect_left(starts, blocked_from, first)]
                first = bisect_left(starts, blocked_until, first)
                if first == len(starts):
                    break
            blocked_from, blocked_until = next(upcoming)
        else:
            yield starts[first:]


def _overlaps(busy: Iterable[Period], start: datetime, end: datetime) -> bool:
    return any(max(one, start) < min(until, end) for one, until in busy)


def _minutes(length: timedelta) -> int:
    return length // MINUTE
