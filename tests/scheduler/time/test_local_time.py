"""Local clocks, compared with a walk over every minute, and working hours on days with clock changes."""

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.time.local_time import (
    DAY_MINUTES,
    clock_changes,
    instant,
    local_pieces,
    minute_after,
    minute_at,
    start_of,
)
from tests.scheduler.availability.test_slots import on, on_the_day, slots, times, utc
from tests.support.slot_oracle import DAY, MINUTE, SECONDS, ZONES, clock_changes_of, walk

BERLIN = ZoneInfo("Europe/Berlin")


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """Draw a zone and a moment within two days of a clock change there."""
    zone, years = draw(st.sampled_from(sorted(ZONES.items())))
    change = draw(st.sampled_from([change for year in years for change in clock_changes_of(zone, year)]))
    return zone, change + draw(st.integers(-2 * DAY_MINUTES, 2 * DAY_MINUTES)) * MINUTE + draw(SECONDS)


def test_an_afternoon_is_one_piece_and_a_night_is_two() -> None:
    afternoon = local_pieces(BERLIN, utc("2026-03-02 12:00"), utc("2026-03-02 16:30"))
    night = local_pieces(BERLIN, utc("2026-03-02 22:00"), utc("2026-03-03 00:30"))

    assert list(afternoon) == [(date(2026, 3, 2), 13 * 60, 17 * 60 + 30, False)]
    assert list(night) == [(date(2026, 3, 2), 23 * 60, 24 * 60, False), (date(2026, 3, 3), 0, 90, False)]


def test_a_whole_day_without_a_clock_change_is_one_piece() -> None:
    pieces = local_pieces(BERLIN, utc("2026-03-01 23:00"), utc("2026-03-02 23:00"))

    assert list(pieces) == [(date(2026, 3, 2), 0, 24 * 60, False)]


def test_a_repeated_hour_is_a_piece_of_its_own() -> None:
    day = date(2026, 10, 25)

    pieces = local_pieces(BERLIN, utc("2026-10-25 00:30"), utc("2026-10-25 02:30"))

    assert list(pieces) == [(day, 150, 180, False), (day, 120, 210, True)]


@pytest.mark.parametrize(
    ("zone", "day", "skipped", "repeated"),
    [
        ("Europe/Berlin", date(2026, 3, 2), [], []),
        ("Europe/Berlin", date(2026, 3, 29), [(120, 180)], []),
        ("Europe/Berlin", date(2026, 10, 25), [], [(120, 180)]),
        ("Australia/Lord_Howe", date(2026, 10, 4), [(120, 150)], []),
        ("America/Santiago", date(2026, 9, 6), [(0, 60)], []),
        ("America/Santiago", date(2026, 4, 4), [], [(1380, 1440)]),
        ("Pacific/Apia", date(2011, 12, 30), [(0, 1440)], []),
    ],
)
def test_a_date_knows_what_its_clock_skips_and_repeats(
    zone: str, day: date, skipped: list[tuple[int, int]], repeated: list[tuple[int, int]]
) -> None:
    assert clock_changes(ZoneInfo(zone), day) == (skipped, repeated)


def test_a_date_starts_with_its_first_minute_even_without_a_midnight() -> None:
    assert start_of(BERLIN, date(2026, 3, 29)) == utc("2026-03-28 23:00")
    assert start_of(ZoneInfo("America/Santiago"), date(2026, 9, 6)) == utc("2026-09-06 04:00")
    assert start_of(ZoneInfo("Pacific/Apia"), date(2011, 12, 30)) == utc("2011-12-30 10:00")


@given(st.timedeltas(-30_000 * DAY, 30_000 * DAY).map(lambda since: utc("1970-01-01 00:00") + since))
def test_an_instant_is_between_the_start_of_its_minute_and_the_next(at: datetime) -> None:
    assert instant(minute_at(at)) <= at < instant(minute_at(at) + 1)
    assert instant(minute_after(at) - 1) < at <= instant(minute_after(at))


@settings(max_examples=150, deadline=None)
@given(near_a_change(), st.integers(0, 3 * DAY_MINUTES), SECONDS)
def test_pieces_match_the_clock_minute_by_minute(
    moment: tuple[str, datetime], length: int, seconds: timedelta
) -> None:
    zone, start = moment
    end = start + length * MINUTE + seconds
    shown_before = set(walk(zone, start - 1.25 * DAY, instant(minute_at(start))))

    pieces = list(local_pieces(ZoneInfo(zone), start, end))

    covered = [(day, minute) for day, first, stop, _ in pieces for minute in range(first, stop)]
    assert sorted(covered) == sorted(walk(zone, start, end))
    for place, (day, first, _, second_time) in enumerate(pieces):
        shown_earlier = any(one[0] == day and one[1] <= first < one[2] for one in pieces[:place])
        assert second_time == (shown_earlier or (day, first) in shown_before)


@settings(max_examples=100, deadline=None)
@given(near_a_change())
def test_skipped_and_repeated_minutes_match_the_clock(
    moment: tuple[str, datetime],
) -> None:
    zone, around = moment
    day = around.date()
    shown = Counter(minute for one, minute in walk(zone, around - 2 * DAY, around + 3 * DAY) if one == day)

    skipped, repeated = clock_changes(ZoneInfo(zone), day)

    assert {minute for gap in skipped for minute in range(*gap)} == set(range(DAY_MINUTES)) - set(shown)
    assert {minute for twice in repeated for minute in range(*twice)} == {one for one in shown if shown[one] > 1}


CLOCK_CHANGES = {
    "Berlin skips 02:00-03:00": ("Europe/Berlin", "2026-03-29", on("Sun", "01:00-05:00"), "00:00 01:00 02:00"),
    "Berlin skips all hours": ("Europe/Berlin", "2026-03-29", on("Sun", "02:00-03:00"), ""),
    "a gap joins hours": ("Europe/Berlin", "2026-03-29", on("Sun", "01:30-02:00", "03:00-03:30"), "00:30"),
    "Berlin repeats": ("Europe/Berlin", "2026-10-25", on("Sun", "01:00-04:00"), "23:00 00:00 01:00 02:00"),
    "Berlin repeats half an hour": ("Europe/Berlin", "2026-10-25", on("Sun", "02:00-02:30"), ""),
    "the Monday after a change": ("Europe/Berlin", "2026-03-30", on("Mon", "09:00-11:00"), "07:00 08:00"),
    "New York repeats": ("America/New_York", "2026-11-01", on("Sun", "01:00-03:00"), "05:00 06:00 07:00"),
    "Lord Howe skips half an hour": ("Australia/Lord_Howe", "2026-10-03", on("Sun", "01:30-04:00"), "15:00 16:00"),
    "Lord Howe repeats it": ("Australia/Lord_Howe", "2026-04-04", on("Sun", "01:00-02:30"), "14:00 15:00"),
    "in Santiago, Sunday starts at 01:00": (
        *("America/Santiago", "2026-09-06"),
        *([*on("Sat", "23:00-24:00"), *on("Sun", "00:00-02:00")], "03:00 04:00"),
    ),
    "Apia had no 30 December": ("Pacific/Apia", "2011-12-30", on("Fri", "00:00-24:00"), ""),
    "in Apia, Saturday followed Thursday": (
        *("Pacific/Apia", "2011-12-30"),
        *([*on("Thu", "22:00-24:00"), *on("Sat", "00:00-02:00")], "08:00 09:00 10:00 11:00"),
    ),
    "St. John's went back to Saturday": ("America/St_Johns", "2010-11-07", on("Sat", "23:00-24:00"), "01:30"),
}
"""Zone, date, hours, and the starts (UTC) of one-hour sessions."""


@pytest.mark.parametrize("case", CLOCK_CHANGES)
def test_hours_mean_the_wall_clock_even_when_clocks_change(case: str) -> None:
    zone, day, hours, starts = CLOCK_CHANGES[case]

    assert times(on_the_day(day, hours, zone=zone)) == starts.split()


def test_a_time_shown_twice_is_offered_as_two_instants() -> None:
    ask = on_the_day("2026-10-25", on("Sun", "02:30-03:00"), zone="Europe/Berlin", duration=30)

    assert slots(ask) == [utc("2026-10-25 00:30"), utc("2026-10-25 01:30")]
    assert {f"{one.astimezone(ZoneInfo(ask.zone)):%H:%M}" for one in slots(ask)} == {"02:30"}
