"""What a coach's hours are on the clock of another zone, if they are to stay the same instants."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.availability.slots import DayHours, Hours, WeeklyHours
from scheduler.time.intervals import Interval, union
from scheduler.time.local_time import DAY_MINUTES, MINUTE, local_pieces

Week = Mapping[int, Sequence[tuple[int, int]]]
"""Weekday (Monday 0) → windows in minutes of the day."""


def relocated_week(week: Week, old: ZoneInfo, new: ZoneInfo, now: datetime) -> dict[int, list[Interval]]:
    """The weekly hours on the clock of `new`, moved by what its clock is ahead of `old`'s at `now`.

    Where the two change their clocks on different dates, no weekly hours could be the same instants all year.
    """
    shift = (now.astimezone(new).replace(tzinfo=None) - now.astimezone(old).replace(tzinfo=None)) // MINUTE
    moved: dict[int, list[tuple[int, int]]] = {day: [] for day in range(7)}
    for day, windows in week.items():
        for start, end in windows:
            at = day * DAY_MINUTES + start + shift
            until = at + end - start
            while at < until:
                midnight = (at // DAY_MINUTES + 1) * DAY_MINUTES
                stop = min(until, midnight)
                first = at % DAY_MINUTES
                moved[at // DAY_MINUTES % 7].append((first, first + stop - at))
                at = stop
    return {day: union(windows) for day, windows in moved.items()}


def relocated_dates(
    week: Week, dates: Sequence[DayHours], old: ZoneInfo, new: ZoneInfo, now: datetime
) -> list[DayHours]:
    """The dates on `new`'s clock that do not follow `relocated_week`, because of those in `dates`."""
    hours = Hours(_weekly(week), dates)
    usual = Hours(_weekly(relocated_week(week, old, new, now)))
    # Two days: from 14 hours ahead of UTC to 11 behind it is more than a day.
    near = {one.day + timedelta(days=step) for one in dates for step in range(-2, 3)}
    found: list[DayHours] = []
    for day in sorted(near):
        windows = tuple(_worked(hours, old, new, day))
        if windows != usual.on(day):
            found.append(DayHours(day, windows))
    return found


def _worked(hours: Hours, old: ZoneInfo, new: ZoneInfo, day: date) -> list[tuple[int, int]]:
    """What of `day` on `new`'s clock the hours on `old`'s clock cover."""
    near = timedelta(days=2)
    local = [
        (first, last)
        for start, end in hours.working_time(old, day - near, day + near)
        for shown, first, last, _ in local_pieces(new, start, end)
        if shown == day
    ]
    return [(start, end) for start, end in union(local)]


def _weekly(week: Week) -> list[WeeklyHours]:
    return [WeeklyHours(day, start, end) for day, windows in week.items() for start, end in windows]
