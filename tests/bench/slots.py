"""Measures free slots against two plain ways: `python -m tests.bench.slots [--json] [--quick]`.

All ways answer the same questions in one run, alternating, and must agree. Figures are the shortest of many runs.
For lists, the baselines may prepare rules, calendar and query outside the measurement. For browsing, all start
from database rows; the library's best time (with every calendar at hand) is printed too. The engine keeps its
caches of zones between runs; its time without them is printed.
"""

import json
import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import takewhile
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import WEEKLY, rrule

from scheduler.availability.slots import BookingRules, Calendar, Hours, Period, Week
from scheduler.time import local_time
from scheduler.time.intervals import union
from tests.bench.options import Options, from_command_line, write
from tests.support.builders import DAY, MINUTE

Busy = list[Period]
Windows = dict[tuple[int, int], list[int]]
"""Maps `[start minute, end minute)` of the wall clock to the weekdays that have it."""

NOW = datetime(2026, 3, 1, tzinfo=UTC)
"""Four weeks before Europe's clock change, with America's in between."""
LISTED, BROWSED = 60 * DAY, 14 * DAY
LENGTH, STEP, BUFFER = 45 * MINUTE, 15 * MINUTE, 10 * MINUTE
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
OFFICE: Windows = {(9 * 60, 12 * 60): [0, 1, 2, 3, 4], (13 * 60 + 30, 17 * 60): [0, 1, 2, 3, 4]}
ZONES = (
    *("Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo"),
    *("Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney", "Australia/Lord_Howe", "Africa/Lagos", "UTC"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure, and how often."""

    listings: int = 15
    browsings: int = 4
    cold: int = 2
    again: int = 3
    """How often to run each way in a row, since the others cool its caches."""
    coaches: int = 500
    by_calendar: int = 100
    """How many coaches the slow way browses; its time is scaled up."""


QUICK = Size(listings=1, browsings=1, cold=1, again=1, coaches=50, by_calendar=25)


@dataclass(frozen=True)
class Coach:
    """One coach in each way's form: a week for the engine, rules for rrule, a parsed calendar."""

    rules: BookingRules
    week: Week
    windows: Windows
    query: recurring_ical_events.CalendarQuery
    busy: Busy


def a_coach(zone: str, windows: Windows, busy: Busy) -> Coach:
    """Prepare everything outside the measurement."""
    rules = BookingRules(ZoneInfo(zone), STEP, BUFFER, BUFFER, 0 * MINUTE, 90 * DAY)
    week: dict[int, list[tuple[int, int]]] = {}
    for window, days in windows.items():
        for day in days:
            week.setdefault(day, []).append(window)
    query = recurring_ical_events.of(parsed(a_calendar(rules.zone, windows)))
    return Coach(rules, week, windows, query, busy)


def a_calendar(zone: ZoneInfo, windows: Windows) -> icalendar.Calendar:
    """Return the hours as weekly events that began a few days ago."""
    calendar = icalendar.Calendar()
    for (start, end), days in windows.items():
        day = min(one for one in (NOW.date() - number * DAY for number in range(7)) if one.weekday() in days)
        midnight = datetime.combine(day, time(), zone)
        event = icalendar.Event()
        event.add("uid", f"{start}-{end}")
        event.add("dtstart", midnight + start * MINUTE)
        event.add("dtend", midnight + end * MINUTE)
        event.add("rrule", {"freq": "weekly", "byday": [WEEKDAYS[day] for day in days]})
        calendar.add_component(event)
    return calendar


def parsed(calendar: icalendar.Calendar) -> icalendar.Calendar:
    """Parse it as if read from a file."""
    found = icalendar.Calendar.from_ical(calendar.to_ical())
    assert isinstance(found, icalendar.Calendar)
    return found


def some_busy(count: int, days: int, chance: random.Random) -> Busy:
    """Return reservations of 30 to 90 minutes, ordered by start as a database returns them."""
    starts = [
        NOW + chance.randrange(days) * DAY + chance.randrange(6 * 12, 20 * 12) * 5 * MINUTE for _ in range(count)
    ]
    return sorted((start, start + chance.choice([30, 45, 60, 90]) * MINUTE) for start in starts)


def some_coaches(count: int) -> list[Coach]:
    """Return coaches with their own hours, zones and reservations."""
    chance = random.Random(500)
    found: list[Coach] = []
    for _ in range(count):
        days = sorted(chance.sample(range(5), chance.randint(3, 5)))
        opens, closes = chance.randrange(14, 22) * 30, chance.randrange(27, 38) * 30
        windows = {(opens, 12 * 60): days, (13 * 60, closes): days}
        if chance.random() < 0.5:
            windows[(20 * 60, 22 * 60)] = sorted(chance.sample(range(7), 2))
        found.append(a_coach(chance.choice(ZONES), windows, some_busy(chance.randint(3, 15), 14, chance)))
    return found


def by_engine(coach: Coach, until: datetime) -> Iterator[datetime]:
    """Use the engine, from a plain week."""
    return Calendar(Hours(coach.week), coach.rules, coach.busy).free(LENGTH, now=NOW, since=NOW, until=until)


def by_rrule(coach: Coach, until: datetime) -> list[datetime]:
    """Expand each rule, and compare each step with each reservation."""
    zone, found = coach.rules.zone, []
    last = until.replace(tzinfo=None) + DAY
    for weekday, start, end in ((day, *window) for window, days in coach.windows.items() for day in days):
        first = datetime.combine(NOW.date() - DAY, time(start // 60, start % 60))
        for local in rrule(WEEKLY, byweekday=weekday, dtstart=first, until=last):
            at = local.replace(tzinfo=zone).astimezone(UTC)
            closes = (local + (end - start) * MINUTE).replace(tzinfo=zone).astimezone(UTC)
            while at + LENGTH <= closes:
                if NOW < at < until and not any(
                    at - BUFFER < ends and begins < at + LENGTH + BUFFER for begins, ends in coach.busy
                ):
                    found.append(at)
                at += STEP
    return sorted(found)


def by_calendar(coach: Coach, query: recurring_ical_events.CalendarQuery, until: datetime) -> list[datetime]:
    """Expand the calendar, then subtract reservations by bisection."""
    events = query.between(NOW, until)
    windows = sorted(map(period_of, events))
    return list(unoccupied(windows, coach.busy, until))


def first_by_calendar(
    coach: Coach, query: recurring_ical_events.CalendarQuery, until: datetime
) -> datetime | None:
    """Find one slot; the library then expands only as much of the calendar as needed."""
    windows = takewhile(lambda window: window[0] < until, map(period_of, query.after(NOW)))
    return next(unoccupied(windows, coach.busy, until), None)


def period_of(event: Any) -> Period:
    """Return an event's period in UTC."""
    return event.start.astimezone(UTC), event.end.astimezone(UTC)


def unoccupied(windows: Iterable[Period], busy: Busy, until: datetime) -> Iterator[datetime]:
    """Yield starts in steps from each window's beginning that avoid `busy`."""
    taken = union((start - BUFFER - LENGTH, end + BUFFER) for start, end in busy)  # in which no session starts
    ends = [end for _, end in taken]
    for opens, closes in windows:
        at = opens
        while at + LENGTH <= closes:
            place = bisect_right(ends, at)
            if NOW < at < until and (place == len(taken) or at <= taken[place].start):
                yield at
            at += STEP


Way = Callable[[], object]


def in_turns(ways: dict[str, Way], rounds: int, again: int) -> dict[str, float]:
    """Return each way's shortest time in seconds; a round runs each `again` times in a row."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            for _ in range(again):
                began = perf_counter()
                way()
                best[name] = min(best[name], perf_counter() - began)
    return best


def forgetful(way: Way) -> Way:
    """Run this way without the engine's caches."""

    def cold() -> object:
        for remembered in (local_time.instants, local_time.stretches_of, local_time.stretches_from):
            remembered.cache_clear()
        return way()

    return cold


def listing(count: int, size: Size) -> dict[str, float]:
    """Return seconds for all slots of 60 days with this many reservations."""
    coach, until = a_coach("Europe/Berlin", OFFICE, some_busy(count, 60, random.Random(count))), NOW + LISTED
    ways: dict[str, Callable[[], list[datetime]]] = {
        "engine": lambda: list(by_engine(coach, until)),
        "rrule": lambda: by_rrule(coach, until),
        "ical": lambda: by_calendar(coach, coach.query, until),
    }
    answers = [way() for way in ways.values()]
    assert answers[0] == answers[1] == answers[2], "the three ways disagree"
    found = in_turns({**ways}, size.listings, size.again)
    cold = in_turns({"cold": forgetful(ways["engine"])}, size.cold, size.again)
    return found | cold | {"slots": len(answers[0])}


def browsing(size: Size) -> dict[str, float]:
    """Return seconds for the first free slot of every coach in the next 14 days."""
    coaches, until = some_coaches(size.coaches), NOW + BROWSED
    some = coaches[: size.by_calendar]

    def engine(asked: Sequence[Coach] = coaches) -> list[datetime | None]:
        return [next(by_engine(coach, until), None) for coach in asked]

    def calendar() -> list[datetime | None]:
        queries = (recurring_ical_events.of(a_calendar(coach.rules.zone, coach.windows)) for coach in some)
        found = (by_calendar(coach, query, until) for coach, query in zip(some, queries, strict=True))
        return [next(iter(free), None) for free in found]

    def lazy_calendar() -> list[datetime | None]:
        return [first_by_calendar(coach, coach.query, until) for coach in some]

    assert engine(some) == calendar() == lazy_calendar(), "the ways disagree"
    ways: dict[str, Way] = {"engine": engine, "ical": calendar, "lazy": lazy_calendar}
    found = in_turns(ways, size.browsings, size.again)
    for name in ("ical", "lazy"):
        found[name] *= size.coaches / size.by_calendar
    return found | in_turns({"cold": forgetful(engine)}, size.cold, size.again)


def run(options: Options) -> None:
    size = QUICK if options.quick else Size()
    lists, browse = {count: listing(count, size) for count in (0, 200, 2000)}, browsing(size)
    ratios = {
        "rrule_200": round(lists[200]["rrule"] / lists[200]["engine"], 1),
        "ical_200": round(lists[200]["ical"] / lists[200]["engine"], 1),
        "browse_ical": round(browse["ical"] / browse["engine"], 1),
    }
    write(json.dumps(ratios) if options.as_json else table(lists, browse, size))


def table(lists: dict[int, dict[str, float]], browse: dict[str, float], size: Size) -> str:
    lines = [f"{'milliseconds':40}{'engine':>9}{'(cold)':>9}{'rrule':>18}{'recurring-ical-events':>24}"]
    for count, found in lists.items():
        lines.append(row(f"60 days, {count} busy: all {found['slots']:.0f} slots", found))
    lines.append(row(f"{size.coaches} coaches, 14 days: first slot of each", browse))
    lines.append(row("  the same, lazily, calendars at hand", browse | {"ical": browse["lazy"]}))
    lines.append(
        "Shortest of many runs, taken in turns; equal results were checked. Caches are warm except in (cold)."
    )
    lines.append(
        f"recurring-ical-events browsed {size.by_calendar} coaches; its time is scaled to {size.coaches}."
    )
    return "\n".join(lines)


def row(title: str, found: dict[str, float]) -> str:
    cells = [f"{title:40}{found['engine'] * 1000:9.2f}{found['cold'] * 1000:9.2f}"]
    for name, width in (("rrule", 18), ("ical", 24)):
        told = f"{found[name] * 1000:.1f} ({found[name] / found['engine']:.0f}x)" if name in found else "-"
        cells.append(f"{told:>{width}}")
    return "".join(cells)


if __name__ == "__main__":
    run(from_command_line(__doc__, "how many times faster the engine is"))
