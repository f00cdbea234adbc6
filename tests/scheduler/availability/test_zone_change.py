"""Hours converted to another zone, compared minute by minute."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scheduler.availability.slots import DayHours
from scheduler.availability.zone_change import convert_dates, convert_week
from scheduler.time.intervals import union
from tests.support.builders import DAY, MINUTE, MONDAY

Windows = Sequence[tuple[int, int]]
Week = Mapping[int, Windows]

KIRITIMATI, PAGO_PAGO = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # 14 hours ahead of UTC, 11 behind
KATHMANDU, LORD_HOWE = "Asia/Kathmandu", "Australia/Lord_Howe"  # 5:45 ahead; changes its clock by half an hour
BERLIN, NEW_YORK, CHATHAM = "Europe/Berlin", "America/New_York", "Pacific/Chatham"
ZONES = ["UTC", BERLIN, NEW_YORK, CHATHAM, KATHMANDU, LORD_HOWE, KIRITIMATI, PAGO_PAGO]

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
AROUND_THE_CLOCK = 24 * 60


@cache
def shown(zone: str, day: date) -> list[tuple[date, int]]:
    """Return the local date and minute of the day in the zone for each minute of this UTC day."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    local = [(midnight + minute * MINUTE).astimezone(ZoneInfo(zone)) for minute in range(AROUND_THE_CLOCK)]
    return [(at.date(), at.hour * 60 + at.minute) for at in local]


def worked(zone: str, days: Sequence[date], hours: Callable[[date], Windows]) -> set[tuple[date, int]]:
    """Return the UTC minutes of these UTC days that fall into the working hours of the local date."""
    under_way = {
        local_day: {minute for start, end in hours(local_day) for minute in range(start, end)}
        for local_day in around(days[0] + len(days) // 2 * DAY, len(days))
    }
    return {
        (day, minute)
        for day in days
        for minute, (local_day, at) in enumerate(shown(zone, day))
        if at in under_way[local_day]
    }


def on_weekdays(week: Week) -> Callable[[date], Windows]:
    return lambda day: week.get(day.weekday(), ())


def on_dates(week: Week, dates: Sequence[DayHours]) -> Callable[[date], Windows]:
    """Return the weekly hours with these date overrides."""
    special = {one.day: one for one in dates}

    def hours(day: date) -> Windows:
        usual, one = week.get(day.weekday(), ()), special.get(day)
        if one is None:
            return usual
        return [*usual, *one.windows] if one.adds else one.windows

    return hours


def around(middle: date, days: int) -> list[date]:
    return [middle + timedelta(days=step) for step in range(-days, days + 1)]


def keeps_its_clock(zone: str, days: Sequence[date]) -> bool:
    """Return whether the zone has the same offset on all these days."""
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    return len({at.astimezone(ZoneInfo(zone)).utcoffset() for at in noons}) == 1


def converted_week(week: Week, zones: tuple[str, str], now: datetime) -> Week:
    """Return the hours in the second zone."""
    return convert_week(week, ZoneInfo(zones[0]), ZoneInfo(zones[1]), now)


a_zone = st.sampled_from(ZONES)
two_zones = st.one_of(
    st.tuples(a_zone, a_zone), st.sampled_from([(KIRITIMATI, PAGO_PAGO), (PAGO_PAGO, KIRITIMATI)])
)
"""Often the two that are furthest apart, by more than a day."""
a_minute = st.integers(0, 1440) | st.sampled_from([0, 30, 1410, 1440])
a_window = st.tuples(a_minute, a_minute).filter(lambda one: one[0] < one[1])
some_windows = st.lists(a_window, max_size=3).map(union)
a_week = st.dictionaries(st.integers(0, 6), some_windows, max_size=7)
an_instant = st.integers(0, 365 * AROUND_THE_CLOCK).map(lambda minutes: MONDAY + minutes * MINUTE)


@given(week=a_week, zones=two_zones, now=an_instant)
def test_weekly_hours_keep_their_actual_times_this_week(week: Week, zones: tuple[str, str], now: datetime) -> None:
    days = around(now.date(), 4)
    assume(all(keeps_its_clock(zone, around(now.date(), 6)) for zone in zones))

    converted = converted_week(week, zones, now)

    assert worked(zones[1], days, on_weekdays(converted)) == worked(zones[0], days, on_weekdays(week))


@given(week=a_week, zones=two_zones, now=an_instant)
def test_weekly_hours_survive_a_change_there_and_back(week: Week, zones: tuple[str, str], now: datetime) -> None:
    there = converted_week(week, zones, now)

    back = converted_week(there, (zones[1], zones[0]), now)

    assert {day: windows for day, windows in back.items() if windows} == {
        day: windows for day, windows in week.items() if windows
    }


@given(week=a_week, zones=two_zones, now=an_instant)
def test_converted_windows_are_within_a_day_and_do_not_touch(
    week: Week, zones: tuple[str, str], now: datetime
) -> None:
    converted = converted_week(week, zones, now)

    assert sorted(converted) == list(range(7))
    for windows in converted.values():
        assert windows == union(windows)
        assert all(0 <= start < end <= 1440 for start, end in windows)


some_dates = st.lists(
    st.builds(
        DayHours, st.integers(0, 5).map(lambda step: date(2026, 1, 1) + step * DAY), some_windows, st.booleans()
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.day,
)


@pytest.mark.slow
@given(week=a_week, dates=some_dates, ahead=st.integers(0, 400), zones=two_zones, now=an_instant)
def test_overrides_keep_their_actual_times_even_if_the_week_cannot(
    week: Week, dates: list[DayHours], ahead: int, zones: tuple[str, str], now: datetime
) -> None:
    dates = [DayHours(one.day + ahead * DAY, one.windows, one.adds) for one in dates]
    days = around(date(2026, 1, 3) + ahead * DAY, 6)
    assume(all(keeps_its_clock(zone, days) for zone in zones))
    theirs = {one.day for one in dates}

    converted = convert_dates(week, dates, ZoneInfo(zones[0]), ZoneInfo(zones[1]), now)

    of_those_dates = {(day, at) for day in days for at, one in enumerate(shown(zones[0], day)) if one[0] in theirs}
    new_week = converted_week(week, zones, now)
    before = worked(zones[0], days, on_dates(week, dates)) & of_those_dates
    after = worked(zones[1], days, on_dates(new_week, converted)) & of_those_dates
    assert after == before


@given(week=a_week, dates=some_dates, zones=two_zones)
def test_without_a_clock_change_all_dates_keep_their_actual_times(
    week: Week, dates: list[DayHours], zones: tuple[str, str]
) -> None:
    days = around(date(2026, 1, 3), 8)
    now = datetime(2026, 1, 3, tzinfo=UTC)

    converted = convert_dates(week, dates, ZoneInfo(zones[0]), ZoneInfo(zones[1]), now)

    new_week = converted_week(week, zones, now)
    assert worked(zones[1], days, on_dates(new_week, converted)) == worked(zones[0], days, on_dates(week, dates))


# Examples.


@pytest.mark.parametrize(
    ("old", "new", "converted"),
    [
        ("UTC", BERLIN, {MON: [(10 * 60, 18 * 60)]}),
        (BERLIN, KATHMANDU, {MON: [(13 * 60 + 45, 21 * 60 + 45)]}),
        (BERLIN, LORD_HOWE, {MON: [(19 * 60, 24 * 60)], TUE: [(0, 3 * 60)]}),
        (PAGO_PAGO, KIRITIMATI, {TUE: [(10 * 60, 18 * 60)]}),
        (KIRITIMATI, PAGO_PAGO, {SUN: [(8 * 60, 16 * 60)]}),
        (NEW_YORK, NEW_YORK, {MON: [(9 * 60, 17 * 60)]}),
    ],
)
def test_a_working_day_is_converted(old: str, new: str, converted: Week) -> None:
    week = {MON: [(9 * 60, 17 * 60)]}

    answered = convert_week(week, ZoneInfo(old), ZoneInfo(new), MONDAY)

    assert {day: windows for day, windows in answered.items() if windows} == converted


def test_hours_around_the_clock_stay_around_the_clock() -> None:
    week = {day: [(0, 1440)] for day in range(7)}

    assert convert_week(week, ZoneInfo(BERLIN), ZoneInfo(KATHMANDU), MONDAY) == week


def test_a_day_off_becomes_overrides_on_both_dates_it_overlaps() -> None:
    week = {day: [(9 * 60, 17 * 60)] for day in range(7)}
    off = [DayHours(date(2026, 3, 4), [])]

    converted = convert_dates(week, off, ZoneInfo(BERLIN), ZoneInfo(LORD_HOWE), MONDAY)

    assert converted == [
        DayHours(date(2026, 3, 4), ((0, 3 * 60),)),
        DayHours(date(2026, 3, 5), ((19 * 60, 24 * 60),)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "window", "converted"),
    [
        (KIRITIMATI, PAGO_PAGO, (0, 60), DayHours(date(2026, 3, 2), ((23 * 60, 24 * 60),))),
        (PAGO_PAGO, KIRITIMATI, (23 * 60, 24 * 60), DayHours(date(2026, 3, 6), ((0, 60),))),
    ],
)
def test_an_overrides_hours_can_end_up_two_dates_away(
    old: str, new: str, window: tuple[int, int], converted: DayHours
) -> None:
    dates = [DayHours(date(2026, 3, 4), [window])]

    assert convert_dates({}, dates, ZoneInfo(old), ZoneInfo(new), MONDAY) == [converted]


def test_overrides_equal_to_the_weekly_hours_are_dropped() -> None:
    week = {WED: [(9 * 60, 17 * 60)]}
    as_usual = [DayHours(date(2026, 3, 4), [(9 * 60, 17 * 60)]), DayHours(date(2026, 3, 5), [])]

    assert convert_dates(week, as_usual, ZoneInfo(BERLIN), ZoneInfo(KATHMANDU), MONDAY) == []
