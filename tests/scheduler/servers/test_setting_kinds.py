"""The kinds of settings: examples, and random values against an oracle."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.core.errors import Unreadable
from scheduler.servers.setting_kinds import Choice, Currency, Kind, Minutes, Reminders, Text, Value, Whole, Zone

LEAD = Minutes(0, 1440, (15, 5))
NOTICE = Minutes(0, 43_200, (1440,), unit="hours")
COUNT = Whole(1, 100, (10,))
DEPARTURE = Choice(((False, "cancelled"), (True, "kept")))
LETTERS = "0123456789 .,:hmindaysnoe-²٣"


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        (LEAD, "15", 15),
        (LEAD, " 1h30 ", 90),
        (LEAD, "none", 0),
        (LEAD, "1 day", 1440),
        (NOTICE, "12", 720),
        (NOTICE, "90 min", 90),
        (COUNT, " 7 ", 7),
        (COUNT, "007", 7),
        (DEPARTURE, "KEPT", True),
        (DEPARTURE, "False", False),
        (Text(5), "  12345  ", "12345"),
        (Text(5), "None", ""),
        (Text(5), "", ""),
        (Zone(), "munich", "Europe/Berlin"),
        (Currency(), " eur ", "EUR"),
        (Reminders(), "1h, 2 days", [2880, 60]),
        (Reminders(), "none", []),
    ],
)
def test_valid_input_is_parsed(kind: Kind, typed: str, value: Value) -> None:
    assert kind.parse(typed) == value


@pytest.mark.parametrize(
    ("kind", "typed", "sentence"),
    [
        (LEAD, "1441", '"1441" is out of range. Type 0 minutes to 1 day.'),
        (NOTICE, "31 days", '"31 days" is out of range. Type 0 minutes to 30 days.'),
        (COUNT, "0", '"0" isn\'t a whole number from 1 to 100. Type another one.'),
        (COUNT, "²", '"²" isn\'t a whole number from 1 to 100. Type another one.'),
        (COUNT, "-1", '"-1" isn\'t a whole number from 1 to 100. Type another one.'),
        (DEPARTURE, "perhaps", '"perhaps" isn\'t one of the choices. Type "cancelled" or "kept".'),
        (Text(5), "123456", "That's 6 characters. Shorten it to 5."),
    ],
)
def test_invalid_input_is_refused_with_what_to_type(kind: Kind, typed: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        kind.parse(typed)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("kind", [LEAD, COUNT, DEPARTURE, Zone(), Currency()])
@pytest.mark.parametrize("typed", ["9" * 4_400, "x" * 4_400])
def test_a_refusal_quotes_only_the_beginning(kind: Kind, typed: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        kind.parse(typed)

    assert len(str(refusal.value)) < 300


@given(st.integers(-5, 50_000), st.sampled_from([LEAD, NOTICE, COUNT]))
def test_only_numbers_in_range_are_accepted_typed_or_given(value: int, kind: Whole) -> None:
    allowed = value in range(kind.least, kind.most + 1)

    assert accepted(lambda: kind.check(value)) == ([value] if allowed else [])
    if value >= 0:
        assert accepted(lambda: kind.parse(kind.write(value))) == ([value] if allowed else [])


@given(st.text(LETTERS, max_size=12))
def test_whole_numbers_are_plain_digits(typed: str) -> None:
    plain = typed.strip()
    digits = plain != "" and all(one in "0123456789" for one in plain)

    assert accepted(lambda: COUNT.parse(typed)) == ([int(plain)] if digits and 1 <= int(plain) <= 100 else [])


@given(st.lists(st.integers(5, 20_160), max_size=5, unique=True))
def test_written_reminders_can_be_parsed(times: list[int]) -> None:
    ordered = sorted(times, reverse=True)

    assert Reminders().check(ordered) == ordered
    assert Reminders().parse(Reminders().write(ordered)) == ordered


@pytest.mark.parametrize("kind", [LEAD, COUNT])
@pytest.mark.parametrize("value", [True, "15", [15], -1])
def test_only_numbers_are_stored_as_numbers(kind: Kind, value: Any) -> None:
    assert accepted(lambda: kind.check(value)) == []


@pytest.mark.parametrize("value", ["1h", 60, [True], ["60"], [4], [60] * 2 + [1, 2, 3, 4, 5]])
def test_only_valid_times_are_stored_as_reminders(value: Any) -> None:
    assert accepted(lambda: Reminders().check(value)) == []


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (LEAD, 90, "1 h 30 min"),
        (LEAD, 0, "0 min"),
        (LEAD, 1, "1 min"),
        (NOTICE, 2880, "2 days"),
        (COUNT, 10, "10"),
        (DEPARTURE, True, "kept"),
        (Text(5), "", "not set"),
        (Reminders(), [1440, 60], "1 day, 1 h"),
        (Reminders(), [], "none"),
    ],
)
def test_values_are_shown_briefly(kind: Kind, value: Value, shown: str) -> None:
    assert kind.show(value) == shown


def accepted(read: Any) -> Sequence[Value]:
    """Return what was accepted, if anything."""
    try:
        return [read()]
    except Unreadable:
        return []
