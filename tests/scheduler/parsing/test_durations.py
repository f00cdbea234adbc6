"""Lengths of time as people type them."""

from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.parsing.durations import parse_length, parse_minutes_list, write_length
from tests.support.typed_text import refused, understood

Unit = Literal["minutes", "hours", "days"]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("90 min", 90),
        ("90min.", 90),
        ("90 Minutes", 90),
        ("90m", 90),
        ("1h30", 90),
        ("1h 30", 90),
        ("1 h 30 min", 90),
        ("1h30m", 90),
        ("1 hour 30 minutes", 90),
        ("1 hour and 30 minutes", 90),
        ("1 hour, 30 minutes", 90),
        ("1 hour, and 30 minutes", 90),
        ("1:30", 90),
        ("1.5 h", 90),
        ("1,5 h", 90),
        *((text, 0) for text in ("0", "none", "None", "no", "0 h")),
        ("1 minute", 1),
        ("2 h", 120),
        ("2h", 120),
        ("2 hrs", 120),
        ("1 Hour", 60),
        ("an hour", 60),
        ("01:05 h", 65),
        ("an hour and 5 minutes", 65),
        ("100:00", 6000),
        ("0.25h", 15),
        ("0.1 h", 6),
        ("half an hour", 30),
        ("one day", 24 * 60),
        ("1 day", 24 * 60),
        ("half a day", 12 * 60),
        ("two weeks", 14 * 24 * 60),
        ("3 d", 3 * 24 * 60),
        ("1 day 12 hours", 36 * 60),
        ("1d 2h 3m", 26 * 60 + 3),
        ("1 week 1 day", 8 * 24 * 60),
        ("366 days", 366 * 24 * 60),
    ],
)
def test_lengths_are_read(text: str, minutes: int) -> None:
    assert parse_length(text, unit="minutes") == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("unit", "text", "length"),
    [
        ("minutes", "45", timedelta(minutes=45)),
        ("hours", "2", timedelta(hours=2)),
        ("hours", "1.5", timedelta(minutes=90)),
        ("days", "2", timedelta(days=2)),
        ("days", "0.5", timedelta(hours=12)),
        ("days", "1:30", timedelta(minutes=90)),
        ("days", "1h30", timedelta(minutes=90)),
        ("days", "0", timedelta()),
    ],
)
def test_a_bare_number_is_in_the_given_unit(unit: Unit, text: str, length: timedelta) -> None:
    assert parse_length(text, unit=unit) == length


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x", "h", "-5", "+5", "- 5 min", "1 month", "1 year", "30 s", "10 minutes 30 seconds", "1:60"),
        *("1:5", "1:30:00", "30 min 1 h", "1 h 2 h", "1 30", "1 day 2", "1h30h", "1,000 min", "1.000 h"),
        *("1.5.5 h", "1 h and a half", "1 hour and x", "30-60", "1e3", "²", "٣ h", "99999999", "an", "a"),
        *("1 h 30 m 5", "inf", "nan", "1/2 h", ".5 h"),
    ],
)
def test_other_text_is_refused_with_examples(text: str) -> None:
    assert refused(parse_length, text, unit="minutes") == (
        f'I can\'t read "{text.strip()}" as a length of time. Type one like "2 hours", "90 min" or "none".'
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0.5", '"0.5" isn\'t a whole number of minutes. Type one like "90 min".'),
        ("0.33 h", '"0.33 h" isn\'t a whole number of minutes. Type one like "90 min".'),
        ("367 days", '"367 days" is too long. Type at most 366 days.'),
        ("366 days 1 min", '"366 days 1 min" is too long. Type at most 366 days.'),
        ("999999 weeks", '"999999 weeks" is too long. Type at most 366 days.'),
        ("9999:59", '"9999:59" is too long. Type at most 366 days.'),
    ],
)
def test_impossible_lengths_are_refused_with_a_reason(text: str, sentence: str) -> None:
    assert refused(parse_length, text, unit="minutes") == sentence


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "none"),
        (timedelta(seconds=59), "none"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=45), "45 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=3), "3 days"),
        (timedelta(hours=36), "1 day 12 hours"),
        (timedelta(days=14, minutes=1), "14 days 1 minute"),
    ],
)
def test_lengths_are_written_for_people(length: timedelta, text: str) -> None:
    assert write_length(length) == text


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("60", [60]),
        ("60, 30, 90", [60, 30, 90]),
        ("60,30,90", [60, 30, 90]),
        ("30 60 90", [30, 60, 90]),
        ("30; 60 / 90\n15 and 45", [30, 60, 90, 15, 45]),
        ("1h, 1h30, 45 min", [60, 90, 45]),
        ("1 h 30, 1:15", [90, 75]),
        ("60, 30, 1h, 60", [60, 30]),
        ("5, 12 hours", [5, 720]),
        (" 60 ,, ", [60]),
        ("5,10,15,20,25,30,35,40,45,50", [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]),
        ("5,10,15,20,25,30,35,40,45,50,50", [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]),
    ],
)
def test_a_list_of_lengths_is_read_in_order_without_duplicates(text: str, lengths: list[int]) -> None:
    assert parse_minutes_list(text) == lengths


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", 'You typed 0 lengths. Type 1 to 10, like "30, 60, 90".'),
        (",\n;", 'You typed 0 lengths. Type 1 to 10, like "30, 60, 90".'),
        (", ".join(map(str, range(5, 16))), 'You typed 11 lengths. Type 1 to 10, like "30, 60, 90".'),
        ("60, 4", '"4" isn\'t a session length. Type lengths from 5 to 720 minutes.'),
        ("721", '"721" isn\'t a session length. Type lengths from 5 to 720 minutes.'),
        ("none", '"none" isn\'t a session length. Type lengths from 5 to 720 minutes.'),
        ("60, soon", 'I can\'t read "soon" as a length of time. Type one like "2 hours", "90 min" or "none".'),
        ("30-60", 'I can\'t read "30-60" as a length of time. Type one like "2 hours", "90 min" or "none".'),
        ("60.5", '"60.5" isn\'t a whole number of minutes. Type one like "90 min".'),
    ],
)
def test_a_list_with_an_impossible_length_is_refused_with_a_reason(text: str, sentence: str) -> None:
    assert refused(parse_minutes_list, text) == sentence


PIECES = [
    *("1", "30", "90", "0", ".5", ",", ":", " ", "h", " min", "days", " weeks", " and ", "an ", "half ", "none"),
    *("-", "²", "٣", "\n", ";", "month", "1h30"),
]
TYPED = st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(st.integers(0, 366 * 24 * 60), st.sampled_from(["minutes", "hours", "days"]))
def test_a_written_length_is_read_back(minutes: int, unit: Unit) -> None:
    length = timedelta(minutes=minutes)

    assert parse_length(write_length(length), unit=unit) == length


@given(TYPED, st.sampled_from(["minutes", "hours", "days"]))
@example("9" * 5000, "days")
@example("1000", "days")
@example("1 h " * 5000, "days")
@example(" " * 5000 + "x", "days")
@example("a " * 5000, "days")
def test_any_text_is_a_length_or_refused(text: str, unit: Unit) -> None:
    length = understood(parse_length, text, unit=unit)

    if length is not None:
        assert timedelta() <= length <= timedelta(days=366)
        assert length % timedelta(minutes=1) == timedelta()
        assert parse_length(write_length(length), unit=unit) == length


@given(TYPED)
@example("30 " * 5000)
@example("30 " * 5000 + "x")
@example("9" * 5000)
def test_any_text_is_a_list_of_lengths_or_refused(text: str) -> None:
    lengths = understood(parse_minutes_list, text)

    if lengths is not None:
        assert 1 <= len(lengths) == len(set(lengths)) <= 10
        assert all(5 <= minutes <= 720 for minutes in lengths)
        assert parse_minutes_list(", ".join(map(str, lengths))) == lengths
