"""Free slots: examples on the days when clocks change, and an oracle that walks every minute."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.slots import BookingRules, WeeklyHours, free_slots
from tests.builders import DAY, HOUR, MINUTE, MONDAY

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
EVERY_DAY = range(7)

Busy = tuple[datetime, datetime]


@dataclass(frozen=True)
class Ask:
    """One question for free slots. Lengths in minutes; hours as (weekday, first minute, end minute)."""

    hours: Sequence[tuple[int, int, int]]
    zone: str = "UTC"
    step: int = 30
    duration: int = 60
    before: int = 0
    after: int = 0
    notice: int = 0
    horizon: timedelta = 60 * DAY
    now: datetime = MONDAY
    since: datetime = MONDAY
    until: datetime = MONDAY + DAY
    coach_busy: Sequence[Busy] = ()
    student_busy: Sequence[Busy] = ()

    def answer(self) -> list[datetime]:
        """What the code says."""
        rules = BookingRules(
            zone=ZoneInfo(self.zone),
            slot_step=self.step * MINUTE,
            buffer_before=self.before * MINUTE,
            buffer_after=self.after * MINUTE,
            minimum_notice=self.notice * MINUTE,
            horizon=self.horizon,
        )
        found = free_slots(
            [WeeklyHours(*one) for one in self.hours],
            rules,
            self.duration * MINUTE,
            now=self.now,
            since=self.since,
            until=self.until,
            coach_busy=self.coach_busy,
            student_busy=self.student_busy,
        )
        return list(found)


def on(day: str, start: str, end: str) -> tuple[int, int, int]:
    """`on("Sun", "01:00", "04:00")`."""
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, end))
    return WEEKDAYS.index(day), first, last


def utc(text: str) -> datetime:
    """`utc("2026-03-29 01:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(found: Sequence[datetime]) -> list[str]:
    """UTC clock times, short to read."""
    return [f"{at:%H:%M}" for at in found]


def at(day: str, **changed: object) -> Ask:
    """An Ask for the day around this UTC date, asked a week earlier, hourly."""
    start = utc(f"{day} 00:00")
    plain = Ask([], step=60, now=start - 7 * DAY, since=start - 12 * HOUR, until=start + 36 * HOUR)
    return replace(plain, **changed)


# A working day.


def test_slots_run_from_the_start_of_the_hours_in_steps_and_end_inside_them() -> None:
    found = Ask([on("Mon", "09:00", "11:30")], step=45, since=utc("2026-03-02 00:00")).answer()

    assert times(found) == ["09:00", "09:45", "10:30"]
    assert all(one.tzinfo is UTC for one in found)


def test_hours_that_touch_are_one_window_and_separate_ones_count_their_steps_anew() -> None:
    touching = Ask([on("Mon", "09:00", "10:30"), on("Mon", "10:30", "12:00")], step=60).answer()
    separate = Ask([on("Mon", "09:00", "10:30"), on("Mon", "10:45", "12:00")], step=60).answer()

    assert times(touching) == ["09:00", "10:00", "11:00"]
    assert times(separate) == ["09:00", "10:45"]


def test_a_session_may_last_over_midnight_where_the_hours_go_on() -> None:
    hours = [on("Mon", "23:00", "24:00"), on("Tue", "00:00", "01:00")]

    until_midnight = Ask(hours, until=utc("2026-03-03 00:00")).answer()
    from_midnight = Ask(hours, since=utc("2026-03-03 00:00"), until=utc("2026-03-04 00:00")).answer()

    assert until_midnight == [utc("2026-03-02 23:00"), utc("2026-03-02 23:30")]
    assert from_midnight == [utc("2026-03-03 00:00")]


def test_no_hours_no_slots() -> None:
    assert Ask([]).answer() == []


def test_the_asked_range_is_half_open() -> None:
    ask = Ask([on("Mon", "09:00", "17:00")], step=60, since=utc("2026-03-02 10:00"), until=utc("2026-03-02 12:00"))

    assert times(ask.answer()) == ["10:00", "11:00"]


def test_the_minimum_notice_and_the_horizon_belong_to_what_is_offered() -> None:
    hours = [on("Mon", "09:00", "17:00")]

    found = Ask(hours, step=60, now=utc("2026-03-02 08:00"), notice=120, horizon=4 * HOUR).answer()

    assert times(found) == ["10:00", "11:00", "12:00"]


def test_a_part_of_a_minute_counts_as_too_soon_and_as_taken() -> None:
    hours, now = [on("Mon", "09:00", "12:00")], utc("2026-03-02 09:00") + timedelta(microseconds=1)
    busy = utc("2026-03-02 10:59") + timedelta(seconds=59), utc("2026-03-02 11:00")

    found = Ask(hours, step=60, now=now, since=now, coach_busy=[busy]).answer()

    assert times(found) == ["11:00"]


@pytest.mark.parametrize(
    ("before", "after", "free"),
    [
        (0, 0, ["09:00", "09:30", "10:00", "12:00", "12:30", "13:00"]),
        (15, 0, ["09:00", "09:30", "10:00", "12:30", "13:00"]),
        (0, 15, ["09:00", "09:30", "12:00", "12:30", "13:00"]),
        (30, 30, ["09:00", "09:30", "12:30", "13:00"]),
    ],
)
def test_buffers_keep_distance_from_sessions_and_not_from_the_edges_of_the_day(
    before: int, after: int, free: list[str]
) -> None:
    busy = utc("2026-03-02 11:00"), utc("2026-03-02 12:00")

    found = Ask([on("Mon", "09:00", "14:00")], before=before, after=after, coach_busy=[busy]).answer()

    assert times(found) == free


def test_a_student_needs_no_buffers() -> None:
    busy = utc("2026-03-02 11:00"), utc("2026-03-02 12:00")

    found = Ask([on("Mon", "10:00", "13:00")], before=30, after=30, student_busy=[busy]).answer()

    assert times(found) == ["10:00", "12:00"]


def test_taking_only_the_first_slot_computes_only_the_first_days() -> None:
    rules = BookingRules(
        zone=ZoneInfo("UTC"),
        slot_step=30 * MINUTE,
        buffer_before=0 * MINUTE,
        buffer_after=0 * MINUTE,
        minimum_notice=0 * MINUTE,
        horizon=2_000_000 * DAY,
    )
    endless = free_slots(
        [WeeklyHours(*on("Mon", "09:00", "10:00"))],
        rules,
        HOUR,
        now=MONDAY,
        since=MONDAY,
        until=datetime.max.replace(tzinfo=UTC) - 400 * DAY,
        coach_busy=(),
    )

    assert list(islice(endless, 2)) == [utc("2026-03-02 09:00"), utc("2026-03-09 09:00")]


# Days on which clocks change: (zone, date, hours, starts of an hour's session in UTC).

CLOCK_CHANGES = {
    "Berlin, spring: 02:00-03:00 does not exist": (
        ("Europe/Berlin", "2026-03-29", [on("Sun", "01:00", "05:00")], ["00:00", "01:00", "02:00"])
    ),
    "Berlin, spring: hours only in what is skipped": (
        ("Europe/Berlin", "2026-03-29", [on("Sun", "02:00", "03:00")], [])
    ),
    "Berlin, autumn: 02:00-03:00 is there twice": (
        ("Europe/Berlin", "2026-10-25", [on("Sun", "01:00", "04:00")], ["23:00", "00:00", "01:00", "02:00"])
    ),
    "Berlin, autumn: hours only in what is repeated": (
        ("Europe/Berlin", "2026-10-25", [on("Sun", "02:00", "03:00")], ["00:00", "01:00"])
    ),
    "Berlin, the weeks around a change": (
        ("Europe/Berlin", "2026-03-30", [on("Mon", "09:00", "11:00")], ["07:00", "08:00"])
    ),
    "New York, spring": (
        ("America/New_York", "2026-03-08", [on("Sun", "00:00", "05:00")], ["05:00", "06:00", "07:00", "08:00"])
    ),
    "New York, autumn": (
        ("America/New_York", "2026-11-01", [on("Sun", "01:00", "03:00")], ["05:00", "06:00", "07:00"])
    ),
    "Lord Howe, spring: half an hour is missing": (
        ("Australia/Lord_Howe", "2026-10-03", [on("Sun", "01:30", "04:00")], ["15:00", "16:00"])
    ),
    "Lord Howe, autumn: half an hour is there twice": (
        ("Australia/Lord_Howe", "2026-04-04", [on("Sun", "01:00", "02:30")], ["14:00", "15:00"])
    ),
    "Apia: there was no Friday the 30th": (("Pacific/Apia", "2011-12-30", [on("Fri", "00:00", "24:00")], [])),
    "Apia: Thursday evening goes on with Saturday morning": (
        (
            "Pacific/Apia",
            "2011-12-30",
            [on("Thu", "22:00", "24:00"), on("Sat", "00:00", "02:00")],
            ["08:00", "09:00", "10:00", "11:00"],
        )
    ),
}


@pytest.mark.parametrize("case", CLOCK_CHANGES)
def test_hours_mean_the_wall_clock_also_when_clocks_change(case: str) -> None:
    zone, day, hours, expected = CLOCK_CHANGES[case]

    found = at(day, zone=zone, hours=hours).answer()

    assert times(found) == expected


def test_a_time_that_happens_twice_is_offered_as_two_instants() -> None:
    found = at("2026-10-25", zone="Europe/Berlin", hours=[on("Sun", "02:30", "03:00")], duration=30).answer()

    assert found == [utc("2026-10-25 00:30"), utc("2026-10-25 01:30")]
    assert {f"{one.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" for one in found} == {"02:30"}


def test_a_gap_that_the_clocks_skip_joins_the_hours_around_it() -> None:
    hours = [on("Sun", "01:00", "02:00"), on("Sun", "03:00", "04:00")]

    found = at("2026-03-29", zone="Europe/Berlin", hours=hours, duration=120).answer()

    assert found == [utc("2026-03-29 00:00")]


# The oracle. It shares no code with scheduler.slots.

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_WINDOW = 16 * 24 * 60
"""Weekly hours have a gap at least once a week, of which a clock change may skip one: two weeks, and some."""


@lru_cache(maxsize=500_000)
def wall_clock(zone: str, minute: int) -> tuple[int, int]:
    """What a clock there shows at a UTC minute: weekday and minute of the day."""
    local = (EPOCH + minute * MINUTE).astimezone(ZoneInfo(zone))
    return local.weekday(), local.hour * 60 + local.minute


def expected(ask: Ask) -> list[datetime]:
    """Free slots, found by asking about each minute of the range by itself."""

    working = {(day, now) for day, start, end in ask.hours for now in range(start, end)}

    def works(minute: int) -> bool:
        return wall_clock(ask.zone, minute) in working

    found: list[datetime] = []
    minute = (ask.since - EPOCH) // MINUTE
    began: int | None = None  # of the window that `minute` is in; 1970 where hours go around the clock
    while (start := EPOCH + minute * MINUTE) < ask.until:
        if not works(minute):
            began = None
        elif began is None:
            began = minute
            while works(began - 1) and minute - began < LONGEST_WINDOW:
                began -= 1
            if minute - began >= LONGEST_WINDOW:
                began = 0
        on_a_step = began is not None and (minute - began) % ask.step == 0
        if on_a_step and may_be_booked(ask, start) and all(map(works, range(minute, minute + ask.duration))):
            found.append(start)
        minute += 1
    return found


def may_be_booked(ask: Ask, start: datetime) -> bool:
    """Whether neither the question, the terms nor the two people's other reservations stand against this start."""
    end = start + ask.duration * MINUTE
    first, last = start - ask.before * MINUTE, end + ask.after * MINUTE
    return (
        max(ask.since, ask.now + ask.notice * MINUTE) <= start <= ask.now + ask.horizon
        and not any(busy_start < last and first < busy_end for busy_start, busy_end in ask.coach_busy)
        and not any(busy_start < end and start < busy_end for busy_start, busy_end in ask.student_busy)
    )


ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "UTC",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Antarctica/Troll",
]


@lru_cache
def changes(zone: str) -> list[datetime]:
    """The days of 2026, and of Samoa's skipped day, on which this zone's offset changes; else one day."""
    days = [utc("2026-01-01 00:00") + number * DAY for number in range(365)] + [utc("2011-12-30 00:00")]
    offsets = [(day, day.astimezone(ZoneInfo(zone)), (day + DAY).astimezone(ZoneInfo(zone))) for day in days]
    return [day for day, before, after in offsets if before.utcoffset() != after.utcoffset()] or [MONDAY]


MINUTES_OF_DAY = st.integers(0, 48).map(lambda half_hours: half_hours * 30) | st.integers(0, 24 * 60)


@st.composite
def hours(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Some windows, the same every day, whole days, or around the clock."""
    kind = draw(st.sampled_from(["some", "some", "daily", "whole days", "around the clock"]))
    if kind == "around the clock":
        return [(day, 0, 24 * 60) for day in EVERY_DAY]
    if kind == "whole days":
        return [(day, 0, 24 * 60) for day in draw(st.sets(st.integers(0, 6), min_size=1))]
    pairs = draw(st.lists(st.tuples(st.integers(0, 6), MINUTES_OF_DAY, MINUTES_OF_DAY), min_size=1, max_size=8))
    windows = [(day, min(pair), max(pair)) for day, *pair in pairs if pair[0] != pair[1]]
    if kind == "daily":
        return [(day, start, end) for _, start, end in windows[:2] for day in EVERY_DAY]
    return windows


@st.composite
def busy(draw: st.DrawFn, around: datetime) -> list[Busy]:
    """Reservations near `around`, to the second."""
    found = draw(
        st.lists(st.tuples(st.integers(-36 * 3600, 60 * 3600), st.integers(1, 6 * 3600)), max_size=4)
        | st.lists(
            st.tuples(st.integers(-36, 60).map(lambda n: n * 3600), st.sampled_from([1800, 3600])), max_size=8
        )
    )
    starts = [(around + timedelta(seconds=start), timedelta(seconds=length)) for start, length in found]
    return [(start, start + length) for start, length in starts]


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """Questions about two to four days, mostly around a clock change."""
    zone = draw(st.sampled_from(ZONES))
    around = draw(st.sampled_from(changes(zone)) | st.integers(0, 360).map(lambda day: MONDAY + day * DAY))
    since = (
        around - draw(st.integers(0, 3 * 24 * 60)) * MINUTE + draw(st.sampled_from([0, 0, 1, 59])) * MINUTE / 60
    )
    return Ask(
        hours=draw(hours()),
        zone=zone,
        step=draw(st.sampled_from([15, 30, 45, 50, 60, 7 * 60]) | st.integers(1, 200)),
        duration=draw(st.sampled_from([15, 30, 60, 90]) | st.integers(1, 300)),
        before=draw(st.sampled_from([0, 0, 10, 60])),
        after=draw(st.sampled_from([0, 0, 10, 45])),
        notice=draw(st.sampled_from([0, 0, 60, 24 * 60])),
        horizon=draw(st.sampled_from([2 * DAY, 30 * DAY])),
        now=since - draw(st.sampled_from([0, 0, 1, 90, 26 * 60])) * MINUTE,
        since=since,
        until=since + draw(st.integers(2 * 24 * 60, 4 * 24 * 60)) * MINUTE,
        coach_busy=draw(busy(around)),
        student_busy=draw(busy(around)),
    )


def agrees_with_the_oracle(ask: Ask) -> None:
    assert ask.answer() == expected(ask)


def gives_the_tail(ask: Ask, later: timedelta) -> None:
    since = min(ask.since + later, ask.until)

    assert replace(ask, since=since).answer() == [start for start in ask.answer() if start >= since]


LATER = st.integers(0, 4 * 24 * 60).map(lambda minutes: minutes * MINUTE) | st.timedeltas(0 * DAY, 4 * DAY)


@settings(max_examples=200, deadline=None)
@given(asks())
def test_slots_are_what_walking_every_minute_finds(ask: Ask) -> None:
    agrees_with_the_oracle(ask)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(asks())
def test_slots_are_what_walking_every_minute_finds_in_thousands_of_cases(ask: Ask) -> None:
    agrees_with_the_oracle(ask)


@settings(max_examples=200, deadline=None)
@given(asks(), LATER)
def test_asking_from_later_on_gives_the_tail(ask: Ask, later: timedelta) -> None:
    gives_the_tail(ask, later)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(asks(), LATER)
def test_asking_from_later_on_gives_the_tail_in_thousands_of_cases(ask: Ask, later: timedelta) -> None:
    gives_the_tail(ask, later)


AROUND_THE_CLOCK = [(day, 0, 24 * 60) for day in EVERY_DAY]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
@pytest.mark.parametrize("step", [45, 50, 7 * 60, 1000])
def test_hours_around_the_clock_have_the_same_slots_whenever_they_are_asked_for(zone: str, step: int) -> None:
    ask = at("2026-03-29", zone=zone, hours=AROUND_THE_CLOCK, step=step, now=utc("2026-03-10 00:00"))
    early = replace(ask, since=ask.since - 14 * DAY)

    for minutes in (0, 1, 44, 1439, 1440, 9 * 1440):
        gives_the_tail(early, minutes * MINUTE)
    assert ask.answer()


@pytest.mark.parametrize(
    ("zone", "day", "gap"),
    [("Europe/Berlin", "2026-04-04", ("02:00", "03:00")), ("Europe/London", "2026-04-04", ("01:00", "02:00"))],
)
def test_a_window_that_a_skipped_gap_makes_two_weeks_long_has_one_start(
    zone: str, day: str, gap: tuple[str, str]
) -> None:
    # The only gap of the week falls on the hour that the clocks skip on Sunday, 29 March.
    hours = [*AROUND_THE_CLOCK[:6], on("Sun", "00:00", gap[0]), on("Sun", gap[1], "24:00")]
    ask = at(day, zone=zone, hours=hours, step=45, now=utc("2026-03-22 00:00"))
    early = replace(ask, since=utc("2026-03-23 12:00"))

    assert ask.answer() == expected(ask)
    gives_the_tail(early, ask.since - early.since)
