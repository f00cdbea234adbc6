"""Draw and describe statistics. Drawing needs the extra `charts`.

Nothing here uses the clock, Discord or the database, so the same statistics always give the same picture.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from importlib.util import find_spec

from cogs.images.week import ALT_TEXT_LIMIT
from scheduler.reports.statistics import CoachFigures, Day, Stats, average

MOST_COACHES = 8
"""How many coaches the picture shows, most booked first."""

_HOUR = timedelta(hours=1)


def can_draw() -> bool:
    """Return whether the extra `charts` is installed."""
    return find_spec("matplotlib") is not None


def describe(stats: Stats) -> str:
    """Describe the statistics for screen readers, with as many coaches as `ALT_TEXT_LIMIT` allows."""
    total = stats.total
    said = (
        f"{write_span(stats.first, stats.last)}: {total.created} sessions booked, {total.completed} completed, "
        f"{count_no_shows(total)}, {total.cancelled} cancelled"
    )
    if stats.with_room + stats.without_room:
        said += f"; {room_share(stats)} had a room"
    if (stars := average(stats.stars)) is not None:
        said += f"; {stars:.1f} stars from {count_reviews(stats.stars)}"
    for one in stats.coaches[:MOST_COACHES]:
        more = f"; {one.name}: {write_hours(one)}"
        if len(said) + len(more) > ALT_TEXT_LIMIT:
            break
        said += more
    return said


def write_span(first: date, last: date) -> str:
    """Write a range of dates: "24 Oct – 23 Nov 2026"."""
    year = "" if first.year == last.year else f" {first.year}"
    begin = "" if first == last else f"{first.day} {first:%b}{year} – "
    return f"{begin}{last.day} {last:%b} {last.year}"


def count_no_shows(total: Day) -> str:
    """Write "1 no-show"."""
    return "1 no-show" if total.no_show == 1 else f"{total.no_show:,} no-shows"


def count_reviews(stars: Mapping[int, int]) -> str:
    """Write "24 reviews", given how often each number of stars was given."""
    count = sum(stars.values())
    return "1 review" if count == 1 else f"{count:,} reviews"


def room_share(stats: Stats) -> str:
    """Return the share of sessions with a room, rounded down: "100%" means all of them."""
    tried = stats.with_room + stats.without_room
    return f"{stats.with_room * 100 // tried}%"


def write_hours(one: CoachFigures) -> str:
    """Write a coach's hours: "12 of 40 h booked (30%)"."""
    booked, offered = one.booked / _HOUR, one.offered / _HOUR
    if not one.offered:
        return f"{booked:.0f} h booked, none offered"
    return f"{booked:.0f} of {offered:.0f} h booked ({one.booked / one.offered:.0%})"


def group_into_bars(stats: Stats) -> list[tuple[date, Day]]:
    """Group the days into bars: days up to a month, weeks up to half a year, else months."""
    length = (stats.last - stats.first).days + 1
    bars: dict[date, Day] = {}
    for number in range(length):
        day = stats.first + timedelta(days=number)
        if length > 183:
            start = day.replace(day=1)
        elif length > 31:
            start = day - timedelta(days=day.weekday())
        else:
            start = day
        bar = bars.setdefault(start, Day())
        if day in stats.days:
            bar.add(stats.days[day])
    return list(bars.items())
