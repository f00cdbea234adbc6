"""Free slots from weekly hours and busy intervals; the only place that knows clock changes.

Inside, instants are whole minutes since 1970 in UTC. A rule covers exactly those UTC minutes whose local
weekday and wall-clock minute it contains: an hour that the clocks skip is missing, an hour that they repeat
is there twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.intervals import Interval, meets_any, union

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 24 * 60
_NEVER_CLOSES_DAYS = 15
"""A weekly gap can fall into the hour that the clocks skip, so that a window lasts two weeks; never three."""
_LOOK_BACK_DAYS = _NEVER_CLOSES_DAYS + 2


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """`[start_minute, end_minute)` on the wall clock of every such weekday (Monday 0, end at most 1440)."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True)
class BookingRules:
    """On which terms a coach gives away their hours."""

    zone: ZoneInfo
    slot_step: timedelta
    buffer_before: timedelta
    buffer_after: timedelta
    minimum_notice: timedelta
    horizon: timedelta


def free_slots(
    hours: Iterable[WeeklyHours],
    rules: BookingRules,
    duration: timedelta,
    *,
    now: datetime,
    since: datetime,
    until: datetime,
    coach_busy: Iterable[tuple[datetime, datetime]],
    student_busy: Iterable[tuple[datetime, datetime]] = (),
) -> Iterator[datetime]:
    """Starts in `[since, until)` that can be booked for `duration`, in order and distinct, in UTC.

    A start is offered if a continuous window holds the whole session, if the session with this booking's
    buffers meets nothing of the coach's (whose intervals already carry their own buffers) and without
    buffers nothing of the student's, and if it is neither too soon nor beyond the horizon. Candidates run
    from the start of each window in steps of the slot step. Days are computed as they are asked for, so
    taking only the first slot is cheap.
    """
    step, length = _minutes(rules.slot_step), _minutes(duration)
    before, after = _minutes(rules.buffer_before), _minutes(rules.buffer_after)
    earliest = max(_minute_at_or_after(since), _minute_at_or_after(now + rules.minimum_notice))
    latest = min(_minute_at_or_after(until) - 1, _minute_before_or_at(now + rules.horizon))
    coach_taken, student_taken = union(_in_minutes(coach_busy)), union(_in_minutes(student_busy))
    for window in _windows(list(hours), rules.zone, earliest, latest):
        skipped = max(0, -(-(earliest - window.start) // step))
        for start in range(window.start + skipped * step, min(window.end - length, latest) + 1, step):
            if meets_any(coach_taken, start - before, start + length + after):
                continue
            if meets_any(student_taken, start, start + length):
                continue
            yield _EPOCH + start * _MINUTE


def _windows(hours: list[WeeklyHours], zone: ZoneInfo, earliest: int, latest: int) -> Iterator[Interval]:
    """The continuous working windows that hold a minute of `[earliest, latest]`, in order."""
    if not hours or latest < earliest:
        return
    # The window may have begun long before; one that has been open for too long never closes.
    day = _local_date(earliest, zone) - timedelta(days=_LOOK_BACK_DAYS)
    last = _local_date(latest, zone) + timedelta(days=1)
    open_window: Interval | None = None
    while day <= last:
        for piece in union(_pieces(hours, zone, day)):
            if open_window is not None and piece.start <= open_window.end:
                open_window = Interval(open_window.start, max(open_window.end, piece.end))
                continue
            if open_window is not None and open_window.end > earliest:
                yield _anchored(open_window, earliest)
            open_window = piece
        day += timedelta(days=1)
    if open_window is not None and open_window.end > earliest:
        yield _anchored(open_window, earliest)


def _anchored(window: Interval, earliest: int) -> Interval:
    """Hours around the clock have no first minute: count their steps from 1970, wherever the search began."""
    return Interval(0, window.end) if earliest - window.start > _NEVER_CLOSES_DAYS * _DAY_MINUTES else window


def _pieces(hours: list[WeeklyHours], zone: ZoneInfo, day: date) -> Iterator[Interval]:
    """The UTC minutes of one local date's hours."""
    todays = [rule for rule in hours if rule.weekday == day.weekday()]
    if not todays:
        return
    for start, end, offset in _stretches(zone, day):
        for rule in todays:
            low, high = max(rule.start_minute + offset, start), min(rule.end_minute + offset, end)
            if low < high:
                yield Interval(low, high)


@lru_cache(maxsize=4096)
def _stretches(zone: ZoneInfo, day: date) -> tuple[tuple[int, int, int], ...]:
    """The UTC minutes whose local date is `day`, as `(start, end, offset)` stretches of one UTC offset.

    Local minute m of a stretch is UTC minute m + offset. A day without a clock change is one stretch.
    """
    midnight = (datetime.combine(day, time(), UTC) - _EPOCH) // _MINUTE
    # No zone is further than 15 hours from UTC, so the day lies within this range, whatever its offsets.
    low, high = midnight - 15 * 60, midnight + _DAY_MINUTES + 15 * 60
    found: list[tuple[int, int, int]] = []
    for start, end in _constant_offset(zone, low, high):
        first = midnight - _offset(zone, start)
        low_end, high_end = max(start, first), min(end, first + _DAY_MINUTES)
        if low_end < high_end:
            found.append((low_end, high_end, first))
    return tuple(found)


def _constant_offset(zone: ZoneInfo, low: int, high: int) -> Iterator[tuple[int, int]]:
    """`[low, high)` cut where the zone changes its offset (at most once between two looks, 6 hours apart)."""
    start = low
    while start < high:
        end = min(start + 6 * 60, high)
        offset = _offset(zone, start)
        if _offset(zone, end) != offset:
            same, changed = start, end
            while changed - same > 1:
                middle = (same + changed) // 2
                if _offset(zone, middle) == offset:
                    same = middle
                else:
                    changed = middle
            end = changed
        yield start, end
        start = end


def _offset(zone: ZoneInfo, minute: int) -> int:
    """Minutes that the zone's clock is ahead of UTC at this minute."""
    ahead = (_EPOCH + minute * _MINUTE).astimezone(zone).utcoffset()
    assert ahead is not None, "a ZoneInfo always knows its offset"
    return ahead // _MINUTE


def _local_date(minute: int, zone: ZoneInfo) -> date:
    return (_EPOCH + minute * _MINUTE).astimezone(zone).date()


def _minutes(length: timedelta) -> int:
    return length // _MINUTE


def _minute_before_or_at(at: datetime) -> int:
    return (at - _EPOCH) // _MINUTE


def _minute_at_or_after(at: datetime) -> int:
    return -((_EPOCH - at) // _MINUTE)


def _in_minutes(busy: Iterable[tuple[datetime, datetime]]) -> Iterator[Interval]:
    """Rounded outwards, so that a part of a minute counts as taken."""
    for start, end in busy:
        yield Interval(_minute_before_or_at(start), _minute_at_or_after(end))
