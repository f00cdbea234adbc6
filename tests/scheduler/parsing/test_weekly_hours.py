"""Weekly hours as people type them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.core.errors import Unreadable
from scheduler.parsing.weekly_hours import (
    WEEKDAYS,
    Preset,
    parse_days,
    parse_hours,
    parse_presets,
    write_days,
    write_hours,
    write_presets,
)
from scheduler.time.intervals import union
from tests.support.typed_text import LONGEST_REFUSAL, refused, understood

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        *((text, [MON]) for text in ("Mon", "monday", "Mondays", "MO")),
        ("tue.", [TUE]),
        ("tues", [TUE]),
        ("Thurs", [THU]),
        ("Mon-Fri", [MON, TUE, WED, THU, FRI]),
        ("mon – fri", [MON, TUE, WED, THU, FRI]),
        ("weekdays", [MON, TUE, WED, THU, FRI]),
        ("Monday to Wednesday", [MON, TUE, WED]),
        ("Mon until Wed", [MON, TUE, WED]),
        ("Sat-Mon", [MON, SAT, SUN]),
        ("Sun-Sun", [SUN]),
        ("Tue, Thu", [TUE, THU]),
        ("tue and thu", [TUE, THU]),
        ("Tue & Thu; Sat", [TUE, THU, SAT]),
        ("Mon, Mon, Mon-Tue", [MON, TUE]),
        ("Mon + Tue", [MON, TUE]),
        ("Weekends", [SAT, SUN]),
        *((text, list(range(7))) for text in ("every day", "daily", "all", "weekday, weekend", "Sat-Fri")),
        ("Mon/Wed/Fri", [MON, WED, FRI]),
        ("mon\nthu", [MON, THU]),
    ],
)
def test_days_are_read(text: str, days: list[int]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    "text", ["", "  ", ",", "M", "T", "S", "Foo", "Mon-", "-Fri", "Mon-Wed-Fri", "Mon Tue", "8", "Mon-Foo", "Monn"]
)
def test_unreadable_days_are_quoted_with_examples(text: str) -> None:
    assert refused(parse_days, text) == (
        f'I can\'t read "{text}" as days. Type them like "Mon-Fri", "Tue, Thu" or "weekends".'
    )


def test_all_unreadable_ones_of_several_days_are_quoted() -> None:
    assert [line.split(".")[0] for line in refused(parse_days, "Mon, Toesday, Wed, Fryday").splitlines()] == [
        'I can\'t read "Toesday" as days',
        'I can\'t read "Fryday" as days',
    ]


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ([0, 1, 2, 3, 4], "Mon–Fri"),
        ([5, 6], "Sat, Sun"),
        ([0, 2, 3, 4, 6], "Mon, Wed–Fri, Sun"),
        ([*range(7)], "Mon–Sun"),
        ([3, 3], "Thu"),
    ],
)
def test_days_are_written_for_people(days: list[int], text: str) -> None:
    assert write_days(days) == text


@given(st.sets(st.integers(0, 6), min_size=1))
def test_written_days_are_read_back(days: set[int]) -> None:
    assert parse_days(write_days(days)) == sorted(days)


@pytest.mark.parametrize("day", range(7))
def test_the_short_names_the_bot_shows_can_be_typed(day: int) -> None:
    assert parse_days(WEEKDAYS[day]) == [day]


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("9-12", [("09:00", "12:00")]),
        ("09:00–12:00", [("09:00", "12:00")]),
        ("9 am to noon", [("09:00", "12:00")]),
        ("From 9 to 12.", [("09:00", "12:00")]),
        ("between 9 and 12", [("09:00", "12:00")]),
        ("9-12 h", [("09:00", "12:00")]),
        ("9 o'clock to 12 o’clock", [("09:00", "12:00")]),
        ("9-12.", [("09:00", "12:00")]),
        ("9 ~ 12", [("09:00", "12:00")]),
        ("9-12, 13:30-17", [("09:00", "12:00"), ("13:30", "17:00")]),
        ("9-12 13:30-17", [("09:00", "12:00"), ("13:30", "17:00")]),
        ("13-17; 9-12", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9 to 12 and 13 until 17", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9am-12pm 1pm-5pm", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9-12 / 13-17", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9-12\n13-17\n", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9-12\r\n\r\n13-17", [("09:00", "12:00"), ("13:00", "17:00")]),
        ("9am-5pm", [("09:00", "17:00")]),
        ("9 AM – 5 P.M.", [("09:00", "17:00")]),
        ("9am-5", [("09:00", "17:00")]),
        ("9a-5p", [("09:00", "17:00")]),
        ("9 a. m. - 5 P.M", [("09:00", "17:00")]),
        ("from 9 to 5pm", [("09:00", "17:00")]),
        ("９：００－１７：００", [("09:00", "17:00")]),
        ("1-5pm", [("13:00", "17:00")]),
        ("10-11pm", [("22:00", "23:00")]),
        ("11-1pm", [("11:00", "13:00")]),
        ("12-5pm", [("12:00", "17:00")]),
        ("noon-5", [("12:00", "17:00")]),
        ("12am-12pm", [("00:00", "12:00")]),
        ("12:30am-1am", [("00:30", "01:00")]),
        ("9.30-10h15", [("09:30", "10:15")]),
        ("22-24", [("22:00", "24:00")]),
        *((text, [("20:00", "24:00")]) for text in ("20:00-0:00", "8pm-12am", "8pm-12", "20:00-midnight")),
        ("0-24", [("00:00", "24:00")]),
        ("24h", [("00:00", "24:00")]),
        ("all day", [("00:00", "24:00")]),
        ("24/7", [("00:00", "24:00")]),
        ("24 hours", [("00:00", "24:00")]),
        ("Whole  Day", [("00:00", "24:00")]),
        ("midnight till midnight", [("00:00", "24:00")]),
        ("9-12, 12-14", [("09:00", "14:00")]),
        ("9-12, 10-14, 11-13", [("09:00", "14:00")]),
        *((text, []) for text in ("closed", "Off", "-", "day off", "n/a", "not available")),
        ("12 noon – 3", [("12:00", "15:00")]),
        ("midday to 1pm", [("12:00", "13:00")]),
        ("9am-11", [("09:00", "11:00")]),
        ("9am-9", [("09:00", "21:00")]),
        ("0:01-0:00", [("00:01", "24:00")]),
        *((text, [("01:00", "17:00")]) for text in ("1H-5PM", "01:00-5pm", "0100-5pm", "1h-5pm")),
        ("2pm-5:30", [("14:00", "17:30")]),
        ("12-6am", [("00:00", "06:00")]),
        ("midnight-6", [("00:00", "06:00")]),
        ("12:30-6am", [("00:30", "06:00")]),
        ("0-5pm", [("00:00", "17:00")]),
        ("Between 9 and 12 and between 14 and 5pm", [("09:00", "12:00"), ("14:00", "17:00")]),
        ("8.30-12.15", [("08:30", "12:15")]),
        ("0830-1200", [("08:30", "12:00")]),
        ("830-1200", [("08:30", "12:00")]),
        ("9-1230", [("09:00", "12:30")]),
        ("9h-12h30", [("09:00", "12:30")]),
        ("9h30-12h", [("09:30", "12:00")]),
        ("8am-midnight", [("08:00", "24:00")]),
        ("8am-12am", [("08:00", "24:00")]),
        ("08-12am", [("08:00", "24:00")]),
        ("8:00-12", [("08:00", "12:00")]),
        ("8am-12", [("08:00", "12:00")]),
        ("12-12:30pm", [("12:00", "12:30")]),
        ("1-5, 9-12", [("01:00", "05:00"), ("09:00", "12:00")]),
        ("9-12, 01:00-05:00", [("01:00", "05:00"), ("09:00", "12:00")]),
        ("9-12, 13-17, 1-2", [("01:00", "02:00"), ("09:00", "12:00"), ("13:00", "17:00")]),
        ("9-12 + 13-17 | 18-19", [("09:00", "12:00"), ("13:00", "17:00"), ("18:00", "19:00")]),
    ],
)
def test_hours_are_read(text: str, windows: list[tuple[str, str]]) -> None:
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
        ("9-12 13", "9-12 13"),
        ("9 30-12", "9 30-12"),
        ("9-123-5", "9-123-5"),
        ("9-12345", "9-12345"),
        ("9-12am5-6", "9-12am5-6"),
        ("9--12", "9--12"),
        ("9.5-12", "9.5-12"),
        ("9-²", "9-²"),
        ("8:00:00-9:00:00", "8:00:00-9:00:00"),
        ("2026-12-24", "2026-12-24"),
        ("9-12 uhr", "9-12 uhr"),
        ("9-5palm", "9-5palm"),
        ("8 hours", "8 hours"),
        ("from 9", "from 9"),
        ("noonish-5", "noonish-5"),
    ],
)
def test_unreadable_hours_are_quoted_with_examples(text: str, part: str) -> None:
    assert refused(parse_hours, text) == (
        f'I can\'t read "{part}" as hours. Type them like "9-12, 13:30-17", "9am-5pm" or "closed".'
    )


@pytest.mark.parametrize(
    "text", ["22-2", "13-5", "17-9", "5pm-9am", "24-2", "0-0", "24-24", "9am-05:00", "9pm-12:30", "09:00-05:00"]
)
def test_hours_past_midnight_are_refused_with_what_to_type_instead(text: str) -> None:
    assert refused(parse_hours, text) == (
        f'"{text}" ends before it starts. For hours past midnight, type "22-24" on one day and "0-2" on the next.'
    )


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("9-5", "09:00–17:00"),
        ("10-2", "10:00–14:00"),
        ("12-5", "12:00–17:00"),
        ("9-9", "09:00–21:00"),
        ("12-12", "12:00–24:00"),
    ],
)
def test_hours_that_could_end_after_noon_are_suggested_not_guessed(text: str, instead: str) -> None:
    assert refused(parse_hours, text) == (
        f'"{text}" ends before it starts. If it ends after noon, type "{instead}". For hours past midnight, '
        'type "22-24" on one day and "0-2" on the next.'
    )
    assert write_hours(parse_hours(instead)) == instead


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("8-12am", '"8-12am" could mean 08:00–24:00 or 20:00–24:00. Type the one you mean.'),
        ("8-midnight", '"8-midnight" could mean 08:00–24:00 or 20:00–24:00. Type the one you mean.'),
        ("9am-5pm, 8 to 12am", '"8 to 12am" could mean 08:00–24:00 or 20:00–24:00. Type the one you mean.'),
        ("9-12am 1-2pm", '"9-12am" could mean 09:00–24:00 or 21:00–24:00. Type the one you mean.'),
        ("12-12am", '"12-12am" could mean 00:00–24:00 or 12:00–24:00. Type the one you mean.'),
        ("12am-12", '"12am-12" could mean 00:00–12:00 or 00:00–24:00. Type the one you mean.'),
        ("12am-12:30", '"12am-12:30" could mean 00:00–00:30 or 00:00–12:30. Type the one you mean.'),
        ("12-12pm", '"12-12pm" could mean 00:00–12:00 or 12:00–24:00. Type the one you mean.'),
        ("9-12, 1-5", '"1-5" could mean 01:00–05:00 or 13:00–17:00. Type the one you mean.'),
        ("9am-12pm 1-5", '"1-5" could mean 01:00–05:00 or 13:00–17:00. Type the one you mean.'),
    ],
)
def test_hours_in_either_half_of_the_day_are_refused_naming_both(text: str, sentence: str) -> None:
    assert refused(parse_hours, text) == sentence
    for instead in re.findall(r"\d\d:\d\d–\d\d:\d\d", sentence):
        assert write_hours(parse_hours(instead)) == instead


def shown_as(typed: str, *, ends: bool) -> set[int]:
    """Return the minutes of the day at which a 12-hour clock shows this, or the day ends."""
    [(hour, half)] = re.findall(r"^(\d+)(am|pm)?$", typed)
    found = {int(hour) % 12 * 60 + {"am": 0, "pm": 720}[one] for one in ([half] if half else ["am", "pm"])}
    return {minute or 1440 for minute in found} if ends else found


TWELVE_HOURS = [f"{hour}{half}" for hour in range(1, 13) for half in ("", "am", "pm")]


@pytest.mark.parametrize("start", TWELVE_HOURS)
def test_hours_with_one_am_or_pm_have_one_meaning_or_stay_in_that_half_of_the_day(start: str) -> None:
    for end in TWELVE_HOURS:
        if start.isdigit() == end.isdigit():
            continue
        meant = [
            (first, last)
            for first in shown_as(start, ends=False)
            for last in shown_as(end, ends=True)
            if first < last
        ]
        earliest = 720 if "pm" in start + end else 0
        within = [one for one in meant if earliest <= one[0] and one[1] <= earliest + 720]
        certain = meant if len(meant) == 1 else within
        if start.startswith("12") and end.startswith("12"):
            certain = []

        if certain:
            assert [tuple(one) for one in parse_hours(f"{start}-{end}")] == certain
        else:
            with pytest.raises(Unreadable, match=r"could mean|ends before") as question:
                parse_hours(f"{start}-{end}")
            assert all(write_hours([one]) in str(question.value) for one in meant)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("14pm-16", '"14pm" isn\'t a time. With am or pm, the hour is 1 to 12.'),
        ("9-9960", '"9960" isn\'t a time. Type one from 0:00 to 24:00.'),
        ("9-12, all day, off", '"off" contradicts the other hours. Type one or the other.'),
        ("9-25", '"25" isn\'t a time. Type one from 0:00 to 24:00.'),
        ("9:60-12", '"9:60" isn\'t a time. Type one from 0:00 to 24:00.'),
        ("9-24:01", '"24:01" isn\'t a time. Type one from 0:00 to 24:00.'),
        ("13am-14", '"13am" isn\'t a time. With am or pm, the hour is 1 to 12.'),
        ("0pm-3pm", '"0pm" isn\'t a time. With am or pm, the hour is 1 to 12.'),
        ("9-12, closed", '"closed" contradicts the other hours. Type one or the other.'),
    ],
)
def test_impossible_hours_are_refused_with_a_reason(text: str, sentence: str) -> None:
    assert refused(parse_hours, text) == sentence


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

PIECES = [
    *("9", "12", "0", "24", "-", "–", " ", ":", "30", "am", "p.m.", "to", ",", "h", "closed", "24h", "٣", "²"),
    *("mon", "fri", "sunday", "tues", "weekend", "and", "Mondays", ".", "\n", "Late "),
    *("noon", "midnight", "from ", "between ", " and ", "0830", "9.30", "17h15", "a", "pm", ";", "/", "~"),
]
TYPED = st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@given(WINDOWS)
def test_written_hours_are_read_back(windows: list[tuple[int, int]]) -> None:
    hours = union(windows)

    assert parse_hours(write_hours(hours)) == hours


@given(TYPED)
@example("9-²")
@example("٩-١٢")
def test_any_text_is_hours_or_refused(text: str) -> None:
    hours = understood(parse_hours, text)

    if hours is not None:
        assert hours == union(hours)
        assert all(0 <= start < end <= 1440 for start, end in hours)
        assert parse_hours(write_hours(hours)) == hours


@pytest.mark.parametrize(
    "text", ["x" * 5000, "9" + " " * 3000 + "-5", "13" + " " * 3000 + "am - 14", "9 - 99" + " " * 3000 + "am, 3-4"]
)
def test_a_refusal_quotes_only_part_of_long_hours(text: str) -> None:
    assert len(refused(parse_hours, text)) <= LONGEST_REFUSAL


@given(TYPED)
@example("x" * 5000)
@example("mon" + " " * 3000 + "-foo")
def test_any_text_is_days_or_refused(text: str) -> None:
    days = understood(parse_days, text)

    assert days is None or (days and days == sorted(set(days) & set(range(7))))
    assert days is None or parse_days(", ".join(WEEKDAYS[day] for day in days)) == days


@pytest.mark.parametrize(
    "piece", ["9", "9-", "9-12 ", "between ", "between 9 ", " ", "12 noon", "a.", "\n", "-", "٣"]
)
def test_long_texts_are_scanned_once(piece: str) -> None:
    text = piece * (200_000 // len(piece))

    understood(parse_hours, text)
    understood(parse_days, text)
    understood(parse_presets, text)


def preset(name: str, hours: str) -> Preset:
    return Preset(name, *parse_hours(hours)[0])


@pytest.mark.parametrize(
    ("text", "presets"),
    [
        ("Morning 8-12", [preset("Morning", "08:00–12:00")]),
        (
            "Morning: 8-12\n\n  Afternoon – noon to 5\nEvening\t5 pm to 9 pm\n",
            [preset("Morning", "8-12"), preset("Afternoon", "12-17"), preset("Evening", "17-21")],
        ),
        ("Early 6-8; Late 20-24", [preset("Early", "6-8"), preset("Late", "20-24")]),
        ("Block 2 8-12", [preset("Block 2", "8-12")]),
        ("After noon 13-17", [preset("After noon", "13-17")]),
        ("Early from 8 to 12", [preset("Early", "8-12")]),
        ("All day 0-24", [preset("All day", "0-24")]),
        ("Always all day", [preset("Always", "0-24")]),
        ("🌅 5-8", [preset("🌅", "5-8")]),
        (f"{'x' * 20} 5-8", [preset("x" * 20, "5-8")]),
        ("a 1-2\nb 1-2\nc 1-2\nd 1-2\ne 1-2", [preset(name, "1-2") for name in "abcde"]),
    ],
)
def test_presets_are_read_line_by_line(text: str, presets: list[Preset]) -> None:
    assert parse_presets(text) == presets
    assert parse_presets(write_presets(presets)) == presets


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", 'You typed 0 presets. Type 1 to 5, one per line, like "Morning 8-12".'),
        ("\n;\n", 'You typed 0 presets. Type 1 to 5, one per line, like "Morning 8-12".'),
        (
            "a 1-2;b 1-2;c 1-2;d 1-2;e 1-2;f 1-2",
            'You typed 6 presets. Type 1 to 5, one per line, like "Morning 8-12".',
        ),
        ("Late 1-2\nLATE 3-4", 'Two presets are called "LATE". Rename one of them.'),
        ("8-12", 'I can\'t read "8-12" as a preset. Type a name and its hours, like "Morning 8-12".'),
        ("Morning", 'I can\'t read "Morning" as a preset. Type a name and its hours, like "Morning 8-12".'),
        (
            "x 9-10 all day",
            'I can\'t read "x 9-10 all day" as a preset. Type a name and its hours, like "Morning 8-12".',
        ),
        (
            "A 8-9, 10-12",
            '"A 8-9, 10-12" isn\'t a single range of hours. Type a name and one range, like "Morning 8-12".',
        ),
        ("A closed", '"A closed" isn\'t a single range of hours. Type a name and one range, like "Morning 8-12".'),
        ("A 8-25", '"25" isn\'t a time. Type one from 0:00 to 24:00.'),
        (": 8-12", "\"\" can't be a preset's name. Type 1 to 20 characters."),
        ("\u200b 8-12", "\"\u200b\" can't be a preset's name. Type 1 to 20 characters."),
        (f"{'x' * 21} 8-12", f"\"{'x' * 21}\" can't be a preset's name. Type 1 to 20 characters."),
    ],
)
def test_impossible_presets_are_refused_with_a_reason(text: str, sentence: str) -> None:
    assert refused(parse_presets, text) == sentence


def test_all_impossible_presets_are_reported_at_once() -> None:
    text = "Early 5-8\nLunch\nLate 20-25\nEARLY 6-9\nNoon 12-13\nNight 22-24"

    assert refused(parse_presets, text).splitlines() == [
        'You typed 6 presets. Type 1 to 5, one per line, like "Morning 8-12".',
        'I can\'t read "Lunch" as a preset. Type a name and its hours, like "Morning 8-12".',
        '"25" isn\'t a time. Type one from 0:00 to 24:00.',
        'Two presets are called "EARLY". Rename one of them.',
    ]


@given(
    st.lists(
        st.builds(
            lambda name, ends: Preset(name, min(ends), max(ends)),
            st.text("abcXYZ äß", min_size=1, max_size=20)
            .map(str.strip)
            .filter(bool)
            .map(lambda name: " ".join(name.split())),
            st.sets(st.integers(0, 1440), min_size=2, max_size=2),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda one: one.name.casefold(),
    )
)
def test_written_presets_are_read_back(presets: list[Preset]) -> None:
    assert parse_presets(write_presets(presets)) == presets


@given(TYPED | st.lists(st.sampled_from(PIECES), min_size=3, max_size=9).map(" ".join))
@example("x 9-10 all day")
@example("a 8-9\x0b10-12")
def test_any_text_is_presets_or_refused(text: str) -> None:
    presets = understood(parse_presets, text)

    if presets is not None:
        assert parse_presets(write_presets(presets)) == presets
        assert all(0 <= one.start_minute < one.end_minute <= 1440 for one in presets)
        assert all(1 <= len(one.name) <= 20 for one in presets)
