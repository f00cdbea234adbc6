"""Weekly hours as people type them."""

import re
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.errors import Unreadable
from scheduler.hours import PRESETS, WEEKDAYS, parse_days, parse_hours, write_hours
from scheduler.intervals import union

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)

LONGEST_REFUSAL = 400
"""Characters; a refusal is shown in a message, of which Discord takes 2,000."""


T = TypeVar("T")


def understood(parse: Callable[..., T], *typed: str) -> T | None:
    """What was read; None if it was refused, in a short sentence that says what to do."""
    try:
        return parse(*typed)
    except Unreadable as refusal:
        sentence = str(refusal)
    assert re.search("[Tt]ype|the hour is 1 to 12|The highest is", sentence), sentence
    assert len(sentence) <= LONGEST_REFUSAL
    return None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon", [MON]),
        ("monday", [MON]),
        ("Mondays", [MON]),
        ("MO", [MON]),
        ("tue.", [TUE]),
        ("tues", [TUE]),
        ("Thurs", [THU]),
        ("Mon-Fri", [MON, TUE, WED, THU, FRI]),
        ("mon – fri", [MON, TUE, WED, THU, FRI]),
        ("Monday to Wednesday", [MON, TUE, WED]),
        ("Sat-Mon", [MON, SAT, SUN]),
        ("Sun-Sun", [SUN]),
        ("Tue, Thu", [TUE, THU]),
        ("tue and thu", [TUE, THU]),
        ("Tue & Thu; Sat", [TUE, THU, SAT]),
        ("Mon, Mon, Mon-Tue", [MON, TUE]),
        ("weekdays", [MON, TUE, WED, THU, FRI]),
        ("Weekends", [SAT, SUN]),
        ("every day", list(range(7))),
        ("daily", list(range(7))),
        ("Sat-Fri", list(range(7))),
    ],
)
def test_days_are_read_as_people_type_them(text: str, days: list[int]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    "text", ["", "  ", ",", "M", "T", "S", "Foo", "Mon-", "-Fri", "Mon-Wed-Fri", "Mon Tue", "8", "Mon-Foo", "Monn"]
)
def test_days_that_cannot_be_read_are_named_with_examples(text: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_days(text)

    assert str(refusal.value) == (
        f'I cannot read "{text}" as days. Type them like "Mon-Fri", "Tue, Thu" or "weekends".'
    )


def test_of_several_days_the_one_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Unreadable, match='I cannot read "Fryday" as days'):
        parse_days("Mon, Tue, Fryday")


@pytest.mark.parametrize("day", range(7))
def test_the_short_names_that_the_bot_shows_can_be_typed(day: int) -> None:
    assert parse_days(WEEKDAYS[day]) == [day]


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("9-12", [("09:00", "12:00")]),
        ("9-12, 13:30-17", [("09:00", "12:00"), ("13:30", "17:00")]),
        ("13-17; 9-12", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9 to 12 and 13 until 17", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9am-5pm", [("09:00", "17:00")]),
        ("9 AM – 5 P.M.", [("09:00", "17:00")]),
        ("1-5pm", [("13:00", "17:00")]),
        ("10-11pm", [("22:00", "23:00")]),
        ("11-1pm", [("11:00", "13:00")]),
        ("12-5pm", [("12:00", "17:00")]),
        ("12am-12pm", [("00:00", "12:00")]),
        ("12:30am-1am", [("00:30", "01:00")]),
        ("9.30-10h15", [("09:30", "10:15")]),
        ("09:00–12:00", [("09:00", "12:00")]),
        ("22-24", [("22:00", "24:00")]),
        ("20:00-0:00", [("20:00", "24:00")]),
        ("8pm-12am", [("20:00", "24:00")]),
        ("0-24", [("00:00", "24:00")]),
        ("24h", [("00:00", "24:00")]),
        ("all day", [("00:00", "24:00")]),
        ("9-12, 12-14", [("09:00", "14:00")]),
        ("9-12, 10-14, 11-13", [("09:00", "14:00")]),
        ("closed", []),
        ("Off", []),
        ("-", []),
    ],
)
def test_hours_are_read_as_people_type_them(text: str, windows: list[tuple[str, str]]) -> None:
    assert parse_hours(text) == [(minutes(start), minutes(end)) for start, end in windows]


def minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", ""),
        (" ", " "),
        ("9", "9"),
        ("nine to five", "nine to five"),
        ("9-12-15", "9-12-15"),
        ("9-", "9-"),
        ("–", "–"),
        ("9:5-10", "9:5-10"),
        ("123-4", "123-4"),
        ("9-12, x", "x"),
        ("9 12", "9 12"),
    ],
)
def test_hours_that_cannot_be_read_are_named_with_examples(text: str, part: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_hours(text)

    assert str(refusal.value) == (
        f'I cannot read "{part}" as hours. Type them like "9-12, 13:30-17", "9am-5pm" or "closed".'
    )


@pytest.mark.parametrize("text", ["22-2", "17-9", "9-9", "5pm-9am", "24-2", "0-0"])
def test_hours_past_midnight_are_refused_with_what_to_type_instead(text: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_hours(text)

    assert str(refusal.value) == (
        f'"{text}" ends before it starts. Hours past midnight belong to the next day: '
        'type "22-24" on the one day and "0-2" on the other.'
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("9-25", '"25" is no time of day. Type hours from 0:00 to 24:00.'),
        ("9:60-12", '"9:60" is no time of day. Type hours from 0:00 to 24:00.'),
        ("9-24:01", '"24:01" is no time of day. Type hours from 0:00 to 24:00.'),
        ("13am-14", '"13am" is no time: with am or pm the hour is 1 to 12.'),
        ("0pm-3pm", '"0pm" is no time: with am or pm the hour is 1 to 12.'),
        ("9-12, closed", '"closed" and other hours contradict each other. Type either of them.'),
    ],
)
def test_hours_that_cannot_be_are_refused_with_the_reason(text: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_hours(text)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_typed_as_it_is_written(name: str) -> None:
    assert parse_hours(write_hours([PRESETS[name]])) == [PRESETS[name]]


@pytest.mark.parametrize(
    ("windows", "text"),
    [
        ([], "closed"),
        ([(540, 720)], "09:00–12:00"),
        ([(0, 1), (810, 1440)], "00:00–00:01, 13:30–24:00"),
    ],
)
def test_hours_are_written_for_people(windows: list[tuple[int, int]], text: str) -> None:
    assert write_hours(windows) == text


WINDOWS = st.lists(
    st.tuples(st.integers(0, 1440), st.integers(0, 1440)).map(lambda pair: (min(pair), max(pair))), max_size=6
)

PIECES = ["9", "12", "0", "24", "-", "–", " ", ":", "30", "am", "p.m.", "to", ",", "h", "closed", "24h", "٣", "²"]
PIECES += ["mon", "fri", "sunday", "tues", "weekend", "and", "Mondays", ".", "\n"]
TYPED = st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@given(WINDOWS)
def test_what_is_written_is_read_back_as_the_same_hours(windows: list[tuple[int, int]]) -> None:
    hours = union(windows)

    assert parse_hours(write_hours(hours)) == hours


@given(TYPED)
@example("9-²")
@example("٩-١٢")
def test_whatever_is_typed_as_hours_is_understood_or_refused_with_a_sentence(text: str) -> None:
    hours = understood(parse_hours, text)

    if hours is not None:
        assert hours == union(hours)
        assert all(0 <= start < end <= 1440 for start, end in hours)
        assert parse_hours(write_hours(hours)) == hours


@pytest.mark.parametrize(
    "text", ["x" * 5000, "9" + " " * 3000 + "-5", "13" + " " * 3000 + "am - 14", "9 - 99" + " " * 3000 + "am, 3-4"]
)
def test_hours_that_are_refused_are_quoted_in_part_however_long_they_are(text: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_hours(text)

    assert len(str(refusal.value)) <= LONGEST_REFUSAL


@given(TYPED)
@example("x" * 5000)
@example("mon" + " " * 3000 + "-foo")
def test_whatever_is_typed_as_days_is_understood_or_refused_with_a_sentence(text: str) -> None:
    days = understood(parse_days, text)

    assert days is None or (days and days == sorted(set(days) & set(range(7))))
