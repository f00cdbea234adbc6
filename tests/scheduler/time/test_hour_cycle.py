"""Clock times in 12 and 24 hours."""

from datetime import datetime

import discord
import pytest
from babel import Locale
from babel.dates import get_time_format
from hypothesis import given
from hypothesis import strategies as st

from scheduler.parsing.weekly_hours import parse_hours, write_hours
from scheduler.time.hour_cycle import HourCycle

H12, H23 = HourCycle.H12, HourCycle.H23
MINUTES = st.integers(0, 24 * 60 - 1)


@pytest.mark.parametrize("language", [one.value for one in discord.Locale])
def test_each_language_of_discords_writes_times_as_cldr_says(language: str) -> None:
    pattern = str(get_time_format("short", Locale.parse(language, sep="-")).pattern)

    assert HourCycle.of(language) is (H12 if "h" in pattern else H23)


@pytest.mark.parametrize("language", [None, "", "tlh"])
def test_unknown_languages_write_24_hours(language: str | None) -> None:
    assert HourCycle.of(language) is H23


@pytest.mark.parametrize(
    ("minute", "in_24", "in_12", "short"),
    [
        (0, "00:00", "12:00 AM", "12 AM"),
        (30, "00:30", "12:30 AM", "12:30 AM"),
        (9 * 60, "09:00", "9:00 AM", "9 AM"),
        (12 * 60, "12:00", "12:00 PM", "12 PM"),
        (13 * 60 + 5, "13:05", "1:05 PM", "1:05 PM"),
        (23 * 60 + 59, "23:59", "11:59 PM", "11:59 PM"),
        (24 * 60, "24:00", "12:00 AM", "12 AM"),
    ],
)
def test_a_minute_is_written_on_both_clocks(minute: int, in_24: str, in_12: str, short: str) -> None:
    assert (H23.minute(minute), H12.minute(minute)) == (in_24, in_12)
    assert (H23.short(minute), H12.short(minute)) == (in_24, short)


@given(minute=MINUTES)
def test_a_12_hour_time_is_what_python_writes(minute: int) -> None:
    local = datetime(2026, 3, 2, minute // 60, minute % 60)  # noqa: DTZ001  (a wall clock has no zone)

    assert H12.clock(local) == f"{local:%I:%M %p}".removeprefix("0")
    assert H23.clock(local) == f"{local:%H:%M}"


@given(start=MINUTES, length=st.integers(1, 24 * 60), cycle=st.sampled_from(HourCycle))
def test_hours_written_on_either_clock_are_read_back(start: int, length: int, cycle: HourCycle) -> None:
    window = start, min(start + length, 24 * 60)

    assert [tuple(one) for one in parse_hours(write_hours([window], cycle))] == [window]


def test_a_whole_day_is_no_stretch_from_midnight_to_midnight() -> None:
    assert H12.span(0, 24 * 60) == "all day"
    assert H23.span(0, 24 * 60) == "00:00–24:00"
