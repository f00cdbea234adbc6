"""Convert a coach's hours to another time zone so that they stay at the same actual times."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.availability.slots import DayHours, Hours, Week
from scheduler.time.intervals import Interval, union
from scheduler.time.local_time import DAY_MINUTES, MINUTE, local_pieces


def convert_week(week: Week, old: ZoneInfo, new: ZoneInfo, now: datetime) -> dict[int, list[Interval]]:
    """Shift the weekly hours by the difference between the zones at `now`.

    If the zones change their clocks on different dates, no weekly hours stay at the same actual times all year.
    """
    shift = (now.astimezone(new).replace(tzinfo=None) - now.astimezone(old).replace(tzinfo=None)) // MINUTE
    converted: dict[int, list[tuple[int, int]]] = {day: [] for day in range(7)}
    for day, windows in week.items():
        for start, end in windows:
            at = day * DAY_MINUTES + start + shift
            until = at + end - start
            while at < until:
                midnight = (at // DAY_MINUTES + 1) * DAY_MINUTES
                stop = min(until, midnight)
                first = at % DAY_MINUTES
                converted[at // DAY_MINUTES % 7].append((first, first + stop - at))
                at = stop
    return {day: union(windows) for day, windows in converted.items()}


def convert_dates(
    week: Week, dates: Sequence[DayHours], old: ZoneInfo, new: ZoneInfo, now: datetime
) -> list[DayHours]:
    """Return the overrides that `dates` become in the `new` zone, on top of `convert_week`."""
    hours = Hours(week, dates)
    usual = Hours(convert_week(week, old, new, now))
    # Two days, because from UTC+14 to UTC-11 is more than a day.
    near = {one.day + timedelta(days=step) for one in dates for step in range(-2, 3)}
    found: list[DayHours] = []
    for day in sorted(near):
        windows = tuple(_minutes_on(hours, old, new, day))
        if windows != usual.on(day):
            found.append(DayHours(day, windows))
    return found


def _minutes_on(hours: Hours, old: ZoneInfo, new: ZoneInfo, day: date) -> list[tuple[int, int]]:
    """Return which minutes of `day` in the `new` zone the hours in the `old` zone cover."""
    near = timedelta(days=2)
    local = [
        (first, last)
        for start, end in hours.working_time(old, day - near, day + near)
        for shown, first, last, _ in local_pieces(new, start, end)
        if shown == day
    ]
    return [(start, end) for start, end in union(local)]
