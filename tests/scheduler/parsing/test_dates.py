"""Dates and times as people type them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.parsing.dates import parse_clock, parse_date, parse_last_date, parse_moment, write_date, write_dates
from tests.support.typed_text import LONGEST_REFUSAL, refused, understood

TODAY = date(2026, 8, 5)
"""A Wednesday."""

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 8, 5, 12, tzinfo=UTC)
"""14:00 in Berlin."""


@pytest.mark.parametrize(
    ("first", "text", "last"),
    [
        ("2027-03-05", "9 Mar", "2027-03-09"),
        ("2027-03-05", "20 Dec", "2027-12-20"),
        ("2027-03-05", "4 Mar", "2027-03-04"),
        ("2026-12-24", "6.1.", "2027-01-06"),
        ("2026-12-24", "20 Dec", "2026-12-20"),
        ("2028-02-27", "29 Feb", "2028-02-29"),
        ("2027-03-05", "9 Mar 2026", "2026-03-09"),
        ("2027-03-05", "2028-03-04", "2028-03-04"),
        ("2027-03-05", "friday", "2026-08-07"),
    ],
)
def test_the_last_date_is_in_the_year_of_the_first_or_soon_after(first: str, text: str, last: str) -> None:
    assert parse_last_date(text, first=date.fromisoformat(first), today=TODAY) == date.fromisoformat(last)


@pytest.mark.parametrize(
    "text",
    [
        *("24 Dec", " 24  DEC ", "24 Dec.", "24. Dec", "24th Dec", "the 24th of December", "on 24 December"),
        *("on 24.12.", "Dec 24th", "24 December 2026", "December 24, 2026", "2026 Dec 24", "24-Dec-2026"),
        *("Thursday, 24 December 2026", "24 Dec thurs", "24.12.", "24.12", "24. 12. 2026", "24.12.26"),
        *("2026-12-24", "2026/12/24", "24/12", "12/24", "12/24/26", "24-12-2026"),
    ],
)
def test_a_date_can_be_written_in_many_ways(text: str) -> None:
    assert parse_date(text, today=TODAY) == date(2026, 12, 24)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Dec 1st", "2026-12-01"),
        ("Sept 3rd", "2026-09-03"),
        ("2nd may", "2027-05-02"),
        ("24 Dec 27", "2027-12-24"),
        ("Dec 24 '27", "2027-12-24"),
        ("03.04.", "2027-04-03"),
        ("2027-3-4", "2027-03-04"),
        ("4/4", "2027-04-04"),
        ("5 Aug", "2026-08-05"),
        ("today", "2026-08-05"),
        ("wednesday", "2026-08-05"),
        ("wed", "2026-08-05"),
        ("this wed", "2026-08-05"),
        ("weds", "2026-08-05"),
        ("in 0 days", "2026-08-05"),
        ("4 Aug", "2027-08-04"),
        ("4 Aug 2026", "2026-08-04"),
        ("yesterday", "2026-08-04"),
        ("31.12.", "2026-12-31"),
        ("1.1.", "2027-01-01"),
        ("29 Feb", "2028-02-29"),
        ("5 Aug 2025", "2025-08-05"),
        ("5 Aug 2031", "2031-08-05"),
        ("Tomorrow", "2026-08-06"),
        ("thur", "2026-08-06"),
        ("the day after tomorrow", "2026-08-07"),
        ("friday", "2026-08-07"),
        ("on Friday", "2026-08-07"),
        ("tues", "2026-08-11"),
        ("next wednesday", "2026-08-12"),
        ("in a week", "2026-08-12"),
        ("next friday", "2026-08-14"),
        ("next monday", "2026-08-10"),
        ("next sun", "2026-08-16"),
        ("sunday", "2026-08-09"),
        ("in 3 days", "2026-08-08"),
        ("in two weeks", "2026-08-19"),
        ("in 2 weeks", "2026-08-19"),
        ("in 6 months", "2027-02-05"),
    ],
)
def test_dates_are_read(text: str, day: str) -> None:
    assert parse_date(text, today=TODAY).isoformat() == day


@pytest.mark.parametrize(
    ("today", "text", "day"),
    [
        ("2026-12-31", "1 Jan", "2027-01-01"),
        ("2026-12-31", "tomorrow", "2027-01-01"),
        ("2026-12-28", "next friday", "2027-01-08"),
        ("2026-08-09", "sunday", "2026-08-09"),
        ("2026-08-09", "next sunday", "2026-08-16"),
        ("2026-08-09", "next monday", "2026-08-10"),
        ("2028-02-29", "29 Feb", "2028-02-29"),
        ("2028-03-01", "29 Feb", "2032-02-29"),
        ("2028-02-29", "29.2.", "2028-02-29"),
        ("2027-01-31", "in a month", "2027-02-28"),
        ("2028-02-29", "28 Feb 2027", "2027-02-28"),
        ("2028-02-29", "28 Feb 2033", "2033-02-28"),
        ("2099-12-31", "1.2.03", "2103-02-01"),
    ],
)
def test_dates_roll_over_into_the_next_year_or_leap_year(today: str, text: str, day: str) -> None:
    assert parse_date(text, today=date.fromisoformat(today)).isoformat() == day


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "24", "Dec", "Dec 2026", "2026", "24 Dec 14:00", "24 Dec 2pm", "14:00", "24 26 Dec"),
        *("24 Dec Dec", "24 Dec - 3 Jan", "24 Dec to 3 Jan", "-24 Dec", "24 Dec UTC", "24 Dez", "mon tue"),
        *("thu 24 dec thu", "24 dec -", "mon 24", "next", "soon", "in days", "in 2 hours", "in -2 days"),
        *("in 12345 days", "2 weeks", "second", "24th", "may", "²4 Dec", "24 Dec 126", "2026-12", "12-24-2026 x"),
        *("1.2.3", "24/12-2026", "20261224", "24:12", "24,12", "a 24 Dec", "last friday"),
    ],
)
def test_other_text_is_refused_with_examples_of_dates(text: str) -> None:
    assert refused(parse_date, text, today=TODAY) == (
        f'I can\'t read "{text.strip()}" as a date. '
        'Type one like "24 Dec", "2027-01-31", "friday" or "in 2 weeks".'
    )


@pytest.mark.parametrize(
    "text", ["31 Feb", "32 Dec", "0 Dec", "24/13", "13/13", "0/5", "12.24", "29 Feb 2027", "2026-02-30", "31.4."]
)
def test_a_date_missing_from_the_calendar_is_refused(text: str) -> None:
    assert refused(parse_date, text, today=TODAY) == (
        f'There\'s no date "{text.lower()}". Type one that exists, like "24 Dec".'
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("03/04", '"03/04" could be 3 Apr or 4 Mar. Type it like "3 Apr" or "2026-04-03".'),
        ("3-4-2027", '"3-4-2027" could be 3 Apr or 4 Mar. Type it like "3 Apr" or "2026-04-03".'),
        ("1/12", '"1/12" could be 1 Dec or 12 Jan. Type it like "1 Dec" or "2026-12-01".'),
        ("12-1-26", '"12-1-26" could be 12 Jan or 1 Dec. Type it like "12 Jan" or "2026-01-12".'),
        ("Fri 24 Dec", "That date is Thursday, 24 December 2026. Correct the weekday or leave it out."),
        (
            "4 Aug 2025",
            "Monday, 4 August 2025 is too far away. "
            "Type a date from Tuesday, 5 August 2025 to Tuesday, 5 August 2031.",
        ),
        (
            "24 Dec 1926",
            "Friday, 24 December 1926 is too far away. "
            "Type a date from Tuesday, 5 August 2025 to Tuesday, 5 August 2031.",
        ),
        (
            "6.8.2031",
            "Wednesday, 6 August 2031 is too far away. "
            "Type a date from Tuesday, 5 August 2025 to Tuesday, 5 August 2031.",
        ),
        (
            "in 9999 months",
            "Wednesday, 5 November 2859 is too far away. "
            "Type a date from Tuesday, 5 August 2025 to Tuesday, 5 August 2031.",
        ),
    ],
)
def test_ambiguous_and_distant_dates_are_refused_with_a_reason(text: str, sentence: str) -> None:
    assert refused(parse_date, text, today=TODAY) == sentence


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("15:00", "2026-08-05 15:00"),
        ("14:01", "2026-08-05 14:01"),
        ("wed 14:01", "2026-08-05 14:01"),
        ("14:00", "2026-08-06 14:00"),
        ("2pm", "2026-08-06 14:00"),
        ("at 2 p.m.", "2026-08-06 14:00"),
        ("2:30pm", "2026-08-05 14:30"),
        ("2.30 pm", "2026-08-05 14:30"),
        ("14h30", "2026-08-05 14:30"),
        ("12am", "2026-08-06 00:00"),
        ("12:30 am", "2026-08-06 00:30"),
        ("12 pm", "2026-08-06 12:00"),
        ("noon", "2026-08-06 12:00"),
        ("12 noon", "2026-08-06 12:00"),
        ("tue 14:00", "2026-08-11 14:00"),
        ("Tue, 14:00", "2026-08-11 14:00"),
        ("fri 14h", "2026-08-07 14:00"),
        ("wed 14:00", "2026-08-12 14:00"),
        ("this wed at 9:00", "2026-08-12 09:00"),
        ("next wed 9:00", "2026-08-12 09:00"),
        ("on wed, 9:00", "2026-08-12 09:00"),
        ("9:00 on wed", "2026-08-12 09:00"),
        ("today 9:00", "2026-08-05 09:00"),
        ("24 Dec 2pm", "2026-12-24 14:00"),
        ("24 Dec @14:00", "2026-12-24 14:00"),
        ("2pm , 24 Dec", "2026-12-24 14:00"),
        ("24 Dec @ 14:00", "2026-12-24 14:00"),
        ("24 Dec 2026, 2 pm", "2026-12-24 14:00"),
        ("2pm on 24 Dec", "2026-12-24 14:00"),
        ("2pm on 24.12.", "2026-12-24 14:00"),
        ("at 14:00, 24.12.", "2026-12-24 14:00"),
        ("24.12. 14:00", "2026-12-24 14:00"),
        ("2026-12-24 14:00", "2026-12-24 14:00"),
        ("2026-12-24T14:00", "2026-12-24 14:00"),
        ("tomorrow 9:30", "2026-08-06 09:30"),
        ("9:30 tomorrow", "2026-08-06 09:30"),
        ("in 2 weeks 9:30", "2026-08-19 09:30"),
        ("25 Oct 02:30", "2026-10-25 02:30"),
        ("25 Oct 03:00", "2026-10-25 03:00"),
        ("28 Mar 03:00", "2027-03-28 03:00"),
        ("28 Mar 01:59", "2027-03-28 01:59"),
    ],
)
def test_moments_are_read_on_the_zones_clocks_and_returned_in_utc(text: str, local: str) -> None:
    moment = parse_moment(text, now=NOW, zone=BERLIN)

    assert moment.tzinfo is UTC
    assert f"{moment.astimezone(BERLIN):%Y-%m-%d %H:%M}" == local


def test_a_time_the_clocks_show_twice_means_the_first() -> None:
    assert parse_moment("2026-10-25 02:30", now=NOW, zone=BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_time_the_clocks_skip_is_refused() -> None:
    assert refused(parse_moment, "28 Mar 2027 2:30", now=NOW, zone=BERLIN) == (
        "The clocks in Europe/Berlin skip 02:30 on Sunday, 28 March 2027. Type an earlier or later time."
    )


def test_today_is_the_date_in_the_zone() -> None:
    now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)

    moments = {name: parse_moment("today 18:00", now=now, zone=ZoneInfo(name)) for name in ("Asia/Tokyo", "UTC")}

    assert moments == {
        "Asia/Tokyo": datetime(2027, 1, 1, 9, tzinfo=UTC),
        "UTC": datetime(2026, 12, 31, 18, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "24 Dec", "friday", "14", "tue 14", "1430", "24.12.", "tomorrow 14.30", "14:00 15:00"),
        *("24 Dec 14:00 - 26", "tue 14:00 24 Dec", "14:00+02:00", "2026-12-24T14:00Z", "14:00:00", "midnight"),
        *("-14:00", "x14:00", "14:005"),
    ],
)
def test_other_text_is_refused_with_examples_of_moments(text: str) -> None:
    assert refused(parse_moment, text, now=NOW, zone=BERLIN) == (
        f'I can\'t read "{text}" as a date and time. Type one like "tue 14:00", "24 Dec 2pm" or "tomorrow 9:30".'
    )


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("13pm", '"13pm" isn\'t a time. With am or pm, the hour is 1 to 12.'),
        ("0am", '"0am" isn\'t a time. With am or pm, the hour is 1 to 12.'),
        ("24:00", '"24:00" isn\'t a time. Type one from 0:00 to 23:59.'),
        ("fri 9:60", '"9:60" isn\'t a time. Type one from 0:00 to 23:59.'),
        ("14:00 UTC", 'I can\'t read "utc" as a date.'),
        ("14:00-15:00", 'I can\'t read "-15:00" as a date.'),
        ("in 2h", 'I can\'t read "in" as a date.'),
        ("03/04 14:00", '"03/04" could be 3 Apr or 4 Mar.'),
        ("31 Feb 14:00", 'There\'s no date "31 feb".'),
        ("1 Jan 2050 14:00", "Saturday, 1 January 2050 is too far away."),
    ],
)
def test_impossible_moments_are_refused_with_a_reason(text: str, beginning: str) -> None:
    assert refused(parse_moment, text, now=NOW, zone=BERLIN).startswith(beginning)


def test_dates_are_written_in_full() -> None:
    christmas, sunday = date(2026, 12, 24), date(2027, 1, 3)

    assert write_date(christmas) == "Thursday, 24 December 2026"
    assert write_dates(christmas, christmas) == "Thursday, 24 December 2026"
    assert write_dates(christmas, sunday) == "Thursday, 24 December 2026 – Sunday, 3 January 2027"


TODAYS = st.dates(date(2000, 1, 1), date(2110, 12, 31))
NOWS = st.integers(-13_000_000, 40_000_000).map(lambda minutes: NOW + timedelta(minutes=minutes))
PIECES = [
    *("24", "3", "29", "2026", "26", "0", "feb", "Dec", "sept", "may", "fri", "Sunday", "next", "this", "on"),
    *("the", "th", "st", "in", "two", "a", "weeks", "days", "months", "today", "tomorrow", "14:00", "2:30"),
    *("2pm", "noon", "at", ".", "/", "-", ",", ":", "T", "'", "٣", "²", "am", "h", "9999"),
]
TYPED = st.text(max_size=70) | st.tuples(
    st.sampled_from(["", " "]), st.lists(st.sampled_from(PIECES), max_size=7)
).map(lambda parts: parts[0].join(parts[1]))


@given(TODAYS, st.integers(-365, 5 * 365))
@example(date(2028, 2, 29), -365)
def test_a_written_date_is_read_back(today: date, days: int) -> None:
    day = today + timedelta(days=days)

    assert parse_date(write_date(day), today=today) == day
    assert parse_date(day.isoformat(), today=today) == day
    assert parse_date(f"{day.day}.{day.month}.{day.year}", today=today) == day
    assert parse_date(f"{day:%y}".join([f"{day.day}.{day.month}.", ""]), today=today) == day


@given(TODAYS, st.integers(0, 365))
def test_a_date_without_a_year_is_the_next_such_date(today: date, days: int) -> None:
    day = today + timedelta(days=days)
    typed = write_date(day).partition(", ")[2].removesuffix(f" {day.year}")

    if (day.month, day.day) != (2, 29):
        assert parse_date(typed, today=today) == min(
            date(year, day.month, day.day)
            for year in (today.year, today.year + 1)
            if date(year, day.month, day.day) >= today
        )


@given(TYPED, TODAYS)
@example("x" * 100_000, TODAY)
@example("1" * 60, TODAY)
@example("\x00", TODAY)
@example("29 feb", date(2097, 1, 1))
def test_any_text_is_a_date_that_is_near_or_refused(text: str, today: date) -> None:
    day = understood(parse_date, text, today=today)

    if day is not None:
        assert abs((day - today).days) <= 5 * 366
        assert parse_date(write_date(day), today=today) == day


@given(TYPED, NOWS)
@example("2:30" * 20_000, NOW)
@example("2:30", datetime(2027, 3, 28, 0, tzinfo=UTC))
def test_any_text_is_a_moment_or_refused(text: str, now: datetime) -> None:
    moment = understood(parse_moment, text, now=now, zone=BERLIN)

    if moment is not None:
        local = moment.astimezone(BERLIN)
        assert parse_moment(f"{write_date(local.date())} {local:%H:%M}", now=now, zone=BERLIN) == moment


def test_a_refusal_quotes_only_part_of_a_long_text() -> None:
    assert len(refused(parse_date, "24 Dec " * 1000, today=TODAY)) <= LONGEST_REFUSAL


@pytest.mark.parametrize(
    ("text", "minute"),
    [("14:00", 840), ("14", 840), ("2pm", 840), ("at 2:30 p.m.", 870), ("noon", 720), ("0:05", 5), ("9h15", 555)],
)
def test_a_time_of_day_can_be_written_in_many_ways(text: str, minute: int) -> None:
    assert parse_clock(text) == minute


@pytest.mark.parametrize("text", ["", "tue 14:00", "25:00", "14:75", "13pm", "soon", "14:00 15:00", "x" * 500])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    assert len(refused(parse_clock, text)) <= LONGEST_REFUSAL
