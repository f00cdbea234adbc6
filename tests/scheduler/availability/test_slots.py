"""Free slots: examples, and random questions compared with an oracle that walks every minute."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.availability.slots import BookingRules, Calendar, Closed, DayHours, Hours, SlotRefusal
from tests.support.slot_oracle import DAY, DAY_MINUTES, HOUR, MINUTE, Ask, Oracle, Override, asks

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def calendar_of(ask: Ask) -> Calendar:
    """Return the calendar for a question."""
    rules = BookingRules(
        zone=ZoneInfo(ask.zone),
        slot_step=ask.step * MINUTE,
        buffer_before=ask.before * MINUTE,
        buffer_after=ask.after * MINUTE,
        minimum_notice=ask.notice * MINUTE,
        horizon=ask.horizon,
        daily_limit=ask.daily,
        weekly_limit=ask.weekly,
        accepting=ask.accepting,
    )
    dates = [DayHours(one.day, one.windows, adds=one.adds) for one in ask.dates]
    week: dict[int, list[tuple[int, int]]] = {}
    for weekday, *window in ask.hours:
        week.setdefault(weekday, []).append((window[0], window[1]))
    closed = [Closed(start, end, SlotRefusal.CLOSED) for start, end in ask.closed]
    return Calendar(Hours(week, dates), rules, ask.coach_busy, ask.student_busy, ask.counted, closed)


def offers(ask: Ask) -> Iterator[datetime]:
    """Yield the offered starts."""
    return calendar_of(ask).free(ask.duration * MINUTE, now=ask.now, since=ask.since, until=ask.until)


def slots(ask: Ask) -> list[datetime]:
    """Return all offered starts."""
    return list(offers(ask))


def refusal(ask: Ask, start: datetime) -> str | None:
    """Return the name of the reason this start can't be booked."""
    reason = next(calendar_of(ask).refusals(start, ask.duration * MINUTE, now=ask.now), None)
    return reason and reason.name


def utc(text: str) -> datetime:
    """`utc("2026-03-29 01:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def on(days: str, *windows: str) -> list[tuple[int, int, int]]:
    """`on("Sun", "01:00-04:00")` or `on("Mon-Fri", "09:00-12:00", "13:00-24:00")`."""
    first, last = (WEEKDAYS.index(day) for day in (days[:3], days[-3:]))
    return [(day, *minutes(window)) for day in range(first, last + 1) for window in windows]


def minutes(window: str) -> tuple[int, int]:
    """`minutes("09:00-12:00")`."""
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in window.split("-"))
    return first, last


def on_the_day(day: str, hours: list[tuple[int, int, int]], **changed: Any) -> Ask:
    """Ask for hourly sessions around this date, a week earlier."""
    start = utc(f"{day} 00:00")
    plain = Ask(hours, now=start - 7 * DAY, since=start - DAY / 2, until=start + DAY * 1.5, step=60)
    return replace(plain, **changed)


def times(ask: Ask) -> list[str]:
    """Return the slots' UTC clock times."""
    return [f"{at:%H:%M}" for at in slots(ask)]


# A working day.

MONDAY = "2026-03-02"


def test_slots_run_in_steps_from_the_start_of_a_window_and_end_inside_it() -> None:
    ask = on_the_day(MONDAY, on("Mon", "09:00-11:30"), step=45)

    assert slots(ask) == [utc("2026-03-02 09:00"), utc("2026-03-02 09:45"), utc("2026-03-02 10:30")]
    assert {one.tzinfo for one in slots(ask)} == {UTC}


def test_touching_windows_are_one_and_separate_ones_restart_the_steps() -> None:
    assert times(on_the_day(MONDAY, on("Mon", "09:00-10:30", "10:30-12:00"))) == ["09:00", "10:00", "11:00"]
    assert times(on_the_day(MONDAY, on("Mon", "09:00-10:30", "10:45-12:00"))) == ["09:00", "10:45"]


def test_a_session_can_span_midnight_if_the_hours_do() -> None:
    nights = [*on("Mon", "23:00-24:00"), *on("Tue", "00:00-01:00")]

    assert times(on_the_day(MONDAY, nights, step=30)) == ["23:00", "23:30", "00:00"]
    assert times(on_the_day(MONDAY, on("Mon", "23:00-24:00"), step=30)) == ["23:00"]


def test_the_requested_range_is_half_open() -> None:
    ask = on_the_day(
        MONDAY, on("Mon", "09:00-17:00"), since=utc("2026-03-02 10:00"), until=utc("2026-03-02 12:00")
    )

    assert times(ask) == ["10:00", "11:00"]


def test_the_notice_and_the_horizon_are_inclusive() -> None:
    now, hours = utc("2026-03-02 08:00"), on("Mon", "09:00-17:00")
    ask = on_the_day(MONDAY, hours, now=now, notice=120, horizon=4 * HOUR)

    assert times(ask) == ["10:00", "11:00", "12:00"]
    assert times(replace(ask, now=now + timedelta(microseconds=1))) == ["11:00", "12:00"]
    assert times(replace(ask, now=now - timedelta(microseconds=1))) == ["10:00", "11:00"]


def test_without_notice_a_start_right_now_is_too_soon() -> None:
    now, hours = utc("2026-03-02 10:00"), on("Mon", "09:00-12:00")
    ask = on_the_day(MONDAY, hours, now=now, notice=0)

    assert times(ask) == ["11:00"]
    assert refusal(ask, now) == "TOO_SOON"
    assert times(replace(ask, now=now - timedelta(microseconds=1))) == ["10:00", "11:00"]


def test_a_partly_busy_minute_is_busy() -> None:
    second = timedelta(seconds=1)
    busy = [(utc("2026-03-02 10:59") + 59 * second, utc("2026-03-02 12:00") + second / 1_000_000)]

    assert times(on_the_day(MONDAY, on("Mon", "09:00-14:00"), coach_busy=busy)) == ["09:00", "13:00"]


@pytest.mark.parametrize(
    ("before", "after", "free"),
    [
        (0, 0, ["09:00", "09:30", "10:00", "12:00", "12:30", "13:00"]),
        (15, 0, ["09:00", "09:30", "10:00", "12:30", "13:00"]),
        (0, 15, ["09:00", "09:30", "12:00", "12:30", "13:00"]),
        (30, 30, ["09:00", "09:30", "12:30", "13:00"]),
    ],
)
def test_buffers_keep_distance_from_sessions_but_not_from_the_edges_of_the_day(
    before: int, after: int, free: list[str]
) -> None:
    busy = [(utc("2026-03-02 11:00"), utc("2026-03-02 12:00"))]
    ask = on_the_day(MONDAY, on("Mon", "09:00-14:00"), step=30, before=before, after=after, coach_busy=busy)

    assert times(ask) == free


def test_the_new_buffer_adds_to_the_one_of_the_other_session() -> None:
    with_its_buffer = [(utc("2026-03-02 11:00"), utc("2026-03-02 12:15"))]

    ask = on_the_day(MONDAY, on("Mon", "12:00-14:00"), step=15, before=15, coach_busy=with_its_buffer)

    assert times(ask) == ["12:30", "12:45", "13:00"]


def test_the_students_sessions_need_no_buffers() -> None:
    busy = [(utc("2026-03-02 11:00"), utc("2026-03-02 12:00"))]
    ask = on_the_day(MONDAY, on("Mon", "10:00-13:00"), step=30, before=30, after=30, student_busy=busy)

    assert times(ask) == ["10:00", "12:00"]


def test_a_day_on_the_coachs_calendar_is_full_at_the_daily_limit() -> None:
    # In New York, where 03:00 in UTC is still the day before.
    hours, counted = on("Mon-Wed", "20:00-23:00"), [utc("2026-03-04 01:00"), utc("2026-03-04 03:00")]
    ask = on_the_day("2026-03-04", hours, zone="America/New_York", daily=2, counted=counted)

    assert times(ask) == ["01:00", "02:00", "03:00"]  # of Wednesday
    assert {f"{one:%d}" for one in slots(ask)} == {"05"}
    assert {f"{one:%d}" for one in slots(replace(ask, counted=counted[1:]))} == {"04", "05"}


def test_a_week_is_full_from_monday_to_sunday() -> None:
    counted = [utc("2026-03-02 00:00"), utc("2026-03-08 23:00")]
    ask = on_the_day(MONDAY, on("Mon-Sun", "09:00-10:00"), weekly=2, counted=counted)
    ask = replace(ask, since=utc("2026-02-26 00:00"), until=utc("2026-03-12 00:00"))

    assert [one.day for one in slots(ask)] == [26, 27, 28, 1, 9, 10, 11]


def test_a_paused_coach_offers_nothing() -> None:
    ask = on_the_day(MONDAY, on("Mon", "09:00-10:00"))

    assert times(ask) == ["09:00"]
    assert times(replace(ask, accepting=False)) == []
    assert refusal(replace(ask, accepting=False), utc("2026-03-02 09:00")) == "PAUSED"


# Date overrides.


def test_an_override_replaces_or_extends_the_weekly_hours() -> None:
    day, hours = date(2026, 3, 2), on("Mon", "09:00-11:00")

    def offered(*windows: str, adds: bool = False) -> list[str]:
        return times(on_the_day(MONDAY, hours, dates=[Override(day, [*map(minutes, windows)], adds)]))

    assert offered() == []
    assert offered("14:00-15:00") == ["14:00"]
    assert offered("14:00-15:00", adds=True) == ["09:00", "10:00", "14:00"]
    assert offered("10:30-12:00", adds=True) == ["09:00", "10:00", "11:00"]


def test_extra_hours_open_a_day_without_hours() -> None:
    extra = [Override(date(2026, 3, 7), [minutes("22:00-24:00")], adds=True)]

    ask = on_the_day("2026-03-07", on("Sun", "00:00-01:00"), dates=extra)

    assert times(ask) == ["22:00", "23:00", "00:00"]


def test_a_day_off_is_a_reason_of_its_own() -> None:
    ask = on_the_day(MONDAY, on("Mon", "09:00-17:00"), dates=[Override(date(2026, 3, 2))])

    assert refusal(ask, utc("2026-03-02 10:00")) == "DAY_OFF"
    assert refusal(ask, utc("2026-03-03 10:00")) == "OUTSIDE_HOURS"


def test_is_within_hours_ignores_the_booking_rules() -> None:
    calendar = calendar_of(on_the_day(MONDAY, on("Mon", "09:00-10:00", "10:00-11:30"), accepting=False))

    assert calendar.is_within_hours(utc("2026-03-02 09:17"), utc("2026-03-02 11:30"))
    assert not calendar.is_within_hours(utc("2026-03-02 08:59"), utc("2026-03-02 11:30"))
    assert not calendar.is_within_hours(
        utc("2026-03-02 09:17"), utc("2026-03-02 11:30") + timedelta(microseconds=1)
    )


# Random questions.


def some_of(found: list[datetime], most: int = 12) -> list[datetime]:
    """Return evenly spread starts, including the last."""
    return found[:: max(1, len(found) // most)] + found[-1:]


def agrees_with_the_oracle(ask: Ask) -> None:
    expected = Oracle(ask).free()

    assert slots(ask) == expected
    assert list(islice(offers(ask), 1)) == expected[:1]


def explains_like_the_oracle(ask: Ask, moments: list[timedelta]) -> None:
    """Check that each start has the oracle's reason, and none if and only if it's listed."""
    on_the_steps = slots(replace(ask, coach_busy=(), student_busy=(), closed=(), daily=None, weekly=None))
    starts = [ask.now + ask.notice * MINUTE, ask.now + ask.horizon, *some_of(on_the_steps)]
    offered, oracle = set(slots(ask)), Oracle(ask)

    for start in [*starts, *(ask.since + moment for moment in moments)]:
        assert refusal(ask, start) == oracle.why_not(start)
        assert (refusal(ask, start) is None) == (start in offered) or not ask.since <= start < ask.until


def stays_when_asked_for_alone(ask: Ask, days: int, moment: timedelta) -> None:
    ask = replace(ask, horizon=60 * DAY, until=ask.since + days * DAY)
    listed, later = slots(ask), ask.since + moment

    assert slots(replace(ask, since=later)) == [one for one in listed if one >= later]
    assert [one for one in some_of(listed) if slots(replace(ask, since=one, until=one + MINUTE)) != [one]] == []


MOMENTS = st.integers(-DAY_MINUTES, 3 * DAY_MINUTES).map(lambda number: number * MINUTE)
LATER = st.integers(0, 20 * DAY_MINUTES).map(lambda number: number * MINUTE)


@settings(max_examples=100, deadline=None)
@given(asks())
def test_slots_match_the_oracle(ask: Ask) -> None:
    agrees_with_the_oracle(ask)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(asks())
def test_slots_match_the_oracle_in_thousands_of_cases(ask: Ask) -> None:
    agrees_with_the_oracle(ask)


@settings(max_examples=75, deadline=None)
@given(asks(), st.lists(MOMENTS, max_size=6))
def test_reasons_match_the_oracle(ask: Ask, moments: list[timedelta]) -> None:
    explains_like_the_oracle(ask, moments)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(asks(), st.lists(MOMENTS, max_size=6))
def test_reasons_match_the_oracle_in_thousands_of_cases(ask: Ask, moments: list[timedelta]) -> None:
    explains_like_the_oracle(ask, moments)


def test_a_window_continues_across_a_skipped_midnight() -> None:
    # In Santiago, Sunday, 6 September 2026 starts at 01:00.
    start = datetime(2026, 9, 6, 3, 58, tzinfo=UTC)
    round_the_clock = [(day, 0, 1440) for day in range(6)]
    ask = Ask(
        hours=[*round_the_clock, (6, 0, 30), (6, 90, 1440)],
        dates=[Override(date(2026, 9, 6), [(60, 90)], adds=True)],
        zone="America/Santiago",
        step=50,
        duration=15,
        now=start,
        since=start,
        until=start + DAY,
    )

    for minutes in range(120):
        stays_when_asked_for_alone(ask, 1, minutes * MINUTE)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(asks(), st.integers(1, 22), LATER)
def test_a_slot_does_not_depend_on_where_the_search_starts(ask: Ask, days: int, moment: timedelta) -> None:
    stays_when_asked_for_alone(ask, days, moment)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(asks(), st.integers(1, 22), LATER)
def test_slots_do_not_depend_on_where_the_search_starts_in_thousands_of_cases(
    ask: Ask, days: int, moment: timedelta
) -> None:
    stays_when_asked_for_alone(ask, days, moment)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29"),
        ("Australia/Lord_Howe", "2026-04-04"),
        ("America/Santiago", "2026-09-06"),
        ("America/St_Johns", "2010-11-07"),
        ("Pacific/Apia", "2011-12-30"),
    ],
)
@pytest.mark.parametrize(("step", "duration"), [(45, 60), (50, 360), (420, DAY_MINUTES), (1000, DAY_MINUTES)])
def test_hours_around_the_clock_have_the_same_slots_whenever_asked_for(
    zone: str, day: str, step: int, duration: int
) -> None:
    start = utc(f"{day} 00:00")
    ask = Ask(on("Mon-Sun", "00:00-24:00"), start - 2 * DAY, start - 2 * DAY, start + 3 * DAY, zone=zone)
    ask = replace(ask, step=step, duration=duration)

    assert slots(ask) == Oracle(ask).free()
    for earlier in (1, DAY_MINUTES, 20 * DAY_MINUTES):
        since = ask.since - earlier * MINUTE
        assert [one for one in slots(replace(ask, now=since, since=since)) if one > ask.now] == slots(ask)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("days", [13, 14, 15, 16, 17, 18])
def test_windows_longer_than_15_days_restart_their_steps_at_midnight(zone: str, days: int) -> None:
    start = utc("2026-04-04 00:00")
    # The day off comes first; later, the window ends too soon after a midnight for a session.
    dates = [Override((start - days * DAY).date()), Override((start + 2 * DAY).date(), [(0, 30), (90, 1440)])]
    ask = Ask(on("Mon-Sun", "00:00-24:00"), start, start, start + 4 * DAY, dates, zone, step=70)

    assert slots(ask) == Oracle(ask).free()


def test_taking_only_the_first_slots_computes_only_the_first_days() -> None:
    forever = datetime.max.replace(tzinfo=UTC) - 400 * DAY
    ask = on_the_day(MONDAY, on("Mon", "09:00-10:00"), until=forever, horizon=2_000_000 * DAY)

    assert list(islice(offers(ask), 2)) == [utc("2026-03-02 09:00"), utc("2026-03-09 09:00")]
