"""Random questions about free slots, answered by walking every UTC minute without the engine's code."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MINUTES = 1440
FIFTEEN_DAYS = 15 * DAY_MINUTES

Busy = tuple[datetime, datetime]


@dataclass(frozen=True)
class Override:
    """One date's hours, instead of the weekly ones or in addition."""

    day: date
    windows: Sequence[tuple[int, int]] = ()
    adds: bool = False


@dataclass(frozen=True)
class Ask:
    """A question about free slots. Durations in minutes; hours as (weekday, start minute, end minute)."""

    hours: Sequence[tuple[int, int, int]]
    now: datetime
    since: datetime
    until: datetime
    dates: Sequence[Override] = ()
    zone: str = "UTC"
    step: int = 30
    duration: int = 60
    before: int = 0
    after: int = 0
    notice: int = 0
    horizon: timedelta = 60 * DAY
    daily: int | None = None
    weekly: int | None = None
    accepting: bool = True
    coach_busy: Sequence[Busy] = ()
    student_busy: Sequence[Busy] = ()
    counted: Sequence[datetime] = ()
    closed: Sequence[Busy] = ()


@cache
def utc_day(zone: str, day: int) -> "tuple[int, array[int]]":
    """Return the local time in each minute of a UTC day: the first date, and minutes since then."""
    shown: list[int] = []
    for minute in range(day * DAY_MINUTES, (day + 1) * DAY_MINUTES):
        local = (EPOCH + minute * MINUTE).astimezone(ZoneInfo(zone))
        shown.append(local.toordinal() * DAY_MINUTES + local.hour * 60 + local.minute)
    first = min(shown) // DAY_MINUTES
    return first, array("h", [one - first * DAY_MINUTES for one in shown])


def clock(zone: str, minute: int) -> tuple[int, int]:
    """Return the local date's ordinal and the minute of the day, at a UTC minute since 1970."""
    first, shown = utc_day(zone, minute // DAY_MINUTES)
    day, of_day = divmod(shown[minute % DAY_MINUTES], DAY_MINUTES)
    return first + day, of_day


def rounded_down(at: datetime) -> int:
    """Return the UTC minute that contains this instant."""
    return (at - EPOCH) // MINUTE


def begins_a_date(zone: str, minute: int) -> bool:
    """Whether this minute is the first to show its local date."""
    day, before = clock(zone, minute)[0], clock(zone, minute - 1)[0]
    return day != before and all(clock(zone, minute - back)[0] != day for back in range(2, DAY_MINUTES + 60))


def rounded_up(at: datetime) -> int:
    """Return the first UTC minute that begins at this instant or later."""
    return -((EPOCH - at) // MINUTE)


def walk(zone: str, start: datetime, end: datetime) -> Iterator[tuple[date, int]]:
    """Yield local date and minute of the day for every minute that overlaps `[start, end)`."""
    for minute in range(rounded_down(start), rounded_up(end)):
        day, shown = clock(zone, minute)
        yield date.fromordinal(day), shown


class Oracle:
    """Answers one question."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self._days: dict[int, bytes] = {}
        self._counts = [self._local_day(start) for start in ask.counted]

    def free(self) -> list[datetime]:
        """Return the free starts, found by walking every minute."""
        ask = self.ask
        found: list[datetime] = []
        base: int | None = None
        for minute in range(rounded_down(ask.since), rounded_down(ask.until) + 1):
            if not self._works(minute):
                base = None
                continue
            if base is None or begins_a_date(ask.zone, minute):
                base = self._base(minute)
            start = EPOCH + minute * MINUTE
            on_step = (minute - base) % ask.step == 0
            if on_step and ask.since <= start < ask.until and self._refusal(start) is None and self._holds(start):
                found.append(start)
        return found

    def why_not(self, start: datetime) -> str | None:
        """Return the first rule that rejects this start, in the engine's order."""
        ask, minute = self.ask, rounded_down(start)
        if not ask.accepting:
            return "PAUSED"
        if _meets(ask.closed, start, start + ask.duration * MINUTE):
            return "CLOSED"
        if self._is_too_soon(start):
            return "TOO_SOON"
        if start > ask.now + ask.horizon:
            return "TOO_FAR"
        if not self._holds(start):
            return "DAY_OFF" if self._is_day_off(self._local_day(start)) else "OUTSIDE_HOURS"
        if start != EPOCH + minute * MINUTE or (minute - self._base(minute)) % ask.step:
            return "OFF_STEP"
        return self._refusal(start)

    def _is_too_soon(self, start: datetime) -> bool:
        return start <= self.ask.now or start < self.ask.now + self.ask.notice * MINUTE

    def _refusal(self, start: datetime) -> str | None:
        """Check everything but hours and step."""
        ask, end, day = self.ask, start + self.ask.duration * MINUTE, self._local_day(start)
        week = (day - 1) // 7
        first, last = start - ask.before * MINUTE, end + ask.after * MINUTE
        refusals = {
            "PAUSED": not ask.accepting,
            "CLOSED": _meets(ask.closed, start, end),
            "TOO_SOON": self._is_too_soon(start),
            "TOO_FAR": start > ask.now + ask.horizon,
            "DAILY_LIMIT": ask.daily is not None and self._counts.count(day) >= ask.daily,
            "WEEKLY_LIMIT": ask.weekly is not None
            and sum((one - 1) // 7 == week for one in self._counts) >= ask.weekly,
            "TAKEN": _meets(ask.coach_busy, start, end),
            "STUDENT_BUSY": _meets(ask.student_busy, start, end),
            "BUFFER": _meets(ask.coach_busy, first, last),
        }
        return next((name for name, refuses in refusals.items() if refuses), None)

    def _holds(self, start: datetime) -> bool:
        """Whether the coach works in each minute of the session."""
        end = start + self.ask.duration * MINUTE
        return all(map(self._works, range(rounded_down(start), rounded_up(end))))

    def _base(self, minute: int) -> int:
        """Return where a minute's steps start: at its window's start, or a midnight 15 days on or later."""
        began = minute
        while self._works(began - 1) and began > minute - FIFTEEN_DAYS - 2 * DAY_MINUTES:
            whole_day = began % DAY_MINUTES == 0 and all(self._working(began // DAY_MINUTES - 1))
            began -= DAY_MINUTES if whole_day else 1
        midnight = minute
        while midnight - began >= FIFTEEN_DAYS and not begins_a_date(self.ask.zone, midnight):
            midnight -= 1
        return midnight if midnight - began >= FIFTEEN_DAYS else began

    def _works(self, minute: int) -> bool:
        return self._working(minute // DAY_MINUTES)[minute % DAY_MINUTES] == 1

    def _working(self, utc: int) -> bytes:
        """Return 1 for each minute of a UTC day in which the coach works."""
        if utc not in self._days:
            first, shown = utc_day(self.ask.zone, utc)
            hours = b"".join(self._hours_of(first + day) for day in range(max(shown) // DAY_MINUTES + 1))
            self._days[utc] = bytes(map(hours.__getitem__, shown))
        return self._days[utc]

    def _hours_of(self, day: int) -> bytes:
        """Return 1 for each wall-clock minute of this date's hours."""
        weekday = date.fromordinal(day).weekday()
        windows = [(start, end) for one, start, end in self.ask.hours if one == weekday]
        for one in self.ask.dates:
            if one.day.toordinal() == day:
                windows = [*windows, *one.windows] if one.adds else list(one.windows)
        hours = bytearray(DAY_MINUTES)
        for start, end in windows:
            hours[start:end] = b"\1" * (end - start)
        return bytes(hours)

    def _is_day_off(self, day: int) -> bool:
        return any(one.day.toordinal() == day for one in self.ask.dates) and not any(self._hours_of(day))

    def _local_day(self, at: datetime) -> int:
        return clock(self.ask.zone, rounded_down(at))[0]


def _meets(busy: Sequence[Busy], start: datetime, end: datetime) -> bool:
    """Whether any of these overlaps `[start, end)`."""
    return any(max(one, start) < min(until, end) for one, until in busy)


@cache
def clock_changes_of(zone: str, year: int) -> tuple[datetime, ...]:
    """Return the year's clock changes in this zone, or some moment of the year if there are none."""

    def offset(minute: int) -> timedelta | None:
        return (EPOCH + minute * MINUTE).astimezone(ZoneInfo(zone)).utcoffset()

    first = rounded_down(datetime(year, 1, 1, tzinfo=UTC))
    found: list[datetime] = []
    for day in range(first, first + 366 * DAY_MINUTES, DAY_MINUTES):
        if offset(day) != offset(day + DAY_MINUTES):
            changed = next(minute for minute in range(day, day + DAY_MINUTES + 1) if offset(minute) != offset(day))
            found.append(EPOCH + changed * MINUTE)
    return tuple(found) or (datetime(year, 6, 1, 12, tzinfo=UTC),)


# Random questions.

ZONES = {
    "UTC": [2026],
    "Africa/Cairo": [2026],
    "Africa/Casablanca": [2026],
    "America/New_York": [2026],
    "America/Santiago": [2026],  # skips and repeats the hour at midnight, like São Paulo and Beirut
    "America/Sao_Paulo": [2018],
    "America/St_Johns": [2010, 2026],  # until 2011 it went from 00:01 back to the previous date
    "Antarctica/Troll": [2026],  # by two hours
    "Asia/Beirut": [2026],
    "Asia/Kathmandu": [1986],
    "Asia/Tehran": [2021],
    "Australia/Lord_Howe": [2026],  # by half an hour
    "Europe/Berlin": [2026],
    "Europe/London": [2026],
    "Pacific/Apia": [2011],  # skipped 30 December
    "Pacific/Chatham": [2026],
    "Pacific/Kwajalein": [1969, 1993],  # repeated a date, and skipped one
}
MINUTES_OF_DAY = (
    st.integers(0, 10).map(lambda half_hours: half_hours * 30)
    | st.integers(0, 48).map(lambda half_hours: half_hours * 30)
    | st.integers(0, DAY_MINUTES)
)
WINDOWS = st.tuples(MINUTES_OF_DAY, MINUTES_OF_DAY).map(lambda pair: (min(pair), max(pair)))


@st.composite
def weekly_hours(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Draw some windows: the same every day, whole days, nights, or (nearly) around the clock."""
    kind = draw(st.sampled_from(["some", "daily", "daily", "whole days", "nights", "around", "nearly"]))
    if kind == "some":
        return [
            (day, *window) for day, window in draw(st.lists(st.tuples(st.integers(0, 6), WINDOWS), max_size=9))
        ]
    if kind == "daily":
        windows = draw(st.lists(WINDOWS, min_size=1, max_size=3))
        return [(day, *window) for day in range(7) for window in windows]
    if kind == "nights":
        evening, morning = draw(st.integers(18, 23)) * 60, draw(st.integers(1, 8)) * 60
        return [(day, *window) for day in range(7) for window in ((evening, DAY_MINUTES), (0, morning))]
    days = draw(st.sets(st.integers(0, 6), min_size=1)) if kind == "whole days" else range(7)
    if kind == "nearly":
        gap = draw(MINUTES_OF_DAY)
        return [
            *((day, 0, DAY_MINUTES) for day in range(6)),
            (6, 0, gap),
            (6, min(gap + 60, DAY_MINUTES), DAY_MINUTES),
        ]
    return [(day, 0, DAY_MINUTES) for day in days]


@st.composite
def overrides(draw: st.DrawFn, around: datetime) -> list[Override]:
    """Draw days off, other hours and extra ones, up to 18 days earlier."""
    days = draw(st.sets(st.integers(-3, 3) | st.integers(-18, 4), max_size=3))
    found: list[Override] = []
    for day in sorted(days):
        windows = draw(st.just([]) | st.just([(0, DAY_MINUTES)]) | st.lists(WINDOWS, max_size=3))
        found.append(Override(around.date() + day * DAY, windows, adds=draw(st.booleans())))
    return found


@st.composite
def reservations(draw: st.DrawFn, around: datetime) -> list[Busy]:
    """Draw reservations: on the hour or to the second, overlapping, nested, empty or reversed."""
    to_the_second = st.tuples(st.integers(-36 * 3600, 72 * 3600), st.integers(-60, 6 * 3600))
    hourly = st.tuples(st.integers(-36, 72).map(lambda n: n * 3600), st.sampled_from([0, 1800, 3600, 7200]))
    found = draw(st.lists(to_the_second, max_size=3) | st.lists(hourly, max_size=12))
    starts = [(around + timedelta(seconds=start), timedelta(seconds=length)) for start, length in found]
    return [(start, start + length) for start, length in starts]


SECONDS = st.sampled_from([timedelta(), timedelta(), timedelta(seconds=1), timedelta(seconds=59, microseconds=1)])
LIMITS = st.sampled_from([None, None, None, 1, 2, 3])


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """Draw questions about one to four days, mostly near a clock change."""
    zone, years = draw(st.sampled_from(sorted(ZONES.items())))
    around = draw(st.sampled_from([change for year in years for change in clock_changes_of(zone, year)]))
    now = around - draw(st.integers(-24 * 60, 3 * 24 * 60)) * MINUTE + draw(SECONDS)
    since = now + draw(st.sampled_from([0, 0, 0, -60, 90, 24 * 60])) * MINUTE
    daily, weekly = draw(LIMITS), draw(LIMITS)
    sessions = st.integers(-5 * 24 * 60, 7 * 24 * 60).map(lambda minutes: since + minutes * MINUTE)
    return Ask(
        hours=draw(weekly_hours()),
        dates=draw(overrides(around)),
        zone=zone,
        step=draw(st.sampled_from([15, 30, 45, 50, 60, 7 * 60, DAY_MINUTES]) | st.integers(1, 200)),
        duration=draw(
            st.sampled_from([15, 30, 60, 90, DAY_MINUTES]) | st.integers(1, 300) | st.integers(1, DAY_MINUTES)
        ),
        before=draw(st.sampled_from([0, 0, 10, 60])),
        after=draw(st.sampled_from([0, 0, 10, 45])),
        notice=draw(st.sampled_from([0, 0, 60, 24 * 60])),
        horizon=draw(st.sampled_from([30 * DAY, 2 * DAY, DAY + 90 * MINUTE, 0 * DAY])),
        daily=daily,
        weekly=weekly,
        accepting=draw(st.integers(0, 20)) != 13,
        now=now,
        since=since,
        until=since + draw(st.integers(24 * 60, 4 * 24 * 60)) * MINUTE,
        coach_busy=draw(reservations(around)),
        student_busy=draw(reservations(around)),
        counted=draw(st.lists(sessions, max_size=6)) if daily or weekly else [],
        closed=[one for one in draw(st.just([]) | reservations(around)) if one[0] < one[1]],
    )
