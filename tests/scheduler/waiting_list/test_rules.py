"""Whom a time suits, and how long it's held, compared with walking every minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scheduler.waiting_list import rules
from scheduler.waiting_list.rules import EVERY_DAY, Wanted
from tests.support.builders import DAY, HOUR, MINUTE, MONDAY

ZONES = [
    ZoneInfo(one) for one in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland")
]
LATE, EARLY = 22, 8

zones = st.sampled_from(ZONES)
instants = st.integers(0, 400 * 24 * 60).map(lambda minute: MONDAY + minute * MINUTE)
wanted = st.builds(
    lambda days, one, other, until: Wanted(days, min(one, other), max(one, other) + 1, until),
    st.integers(1, EVERY_DAY),
    st.integers(0, 1439),
    st.integers(0, 1439),
    instants,
)


def walked_suits(what: Wanted, start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    """Look at every minute of the session."""
    first = start.astimezone(zone)
    at = start
    while at < end:
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if local.date() != first.date() or not what.from_minute <= minute < what.until_minute:
            return False
        at += MINUTE
    return bool(what.weekdays & 1 << first.weekday()) and start < what.until


@given(wanted, instants, st.integers(1, 180), zones)
@example(Wanted(1, 1380, 1440, MONDAY + DAY), MONDAY + 15 * HOUR, 60, ZONES[0])
@example(Wanted(1, 1380, 1439, MONDAY + DAY), MONDAY + 15 * HOUR, 60, ZONES[0])
def test_a_time_suits_if_every_minute_of_it_does(
    what: Wanted, start: datetime, minutes: int, zone: ZoneInfo
) -> None:
    end = start + minutes * MINUTE
    assume(start.astimezone(zone).utcoffset() == end.astimezone(zone).utcoffset())

    assert what.suits(start, end, zone) == walked_suits(what, start, end, zone)


@given(wanted, instants, st.integers(15, 120), st.integers(0, 300), zones)
def test_what_cannot_suit_is_known_beforehand(
    what: Wanted, since: datetime, minutes: int, spare: int, zone: ZoneInfo
) -> None:
    duration = minutes * MINUTE
    starts = [since + one * MINUTE for one in range(spare + 1)]

    any_suits = any(what.suits(one, one + duration, zone) for one in starts)

    assert not any_suits or what.could_suit(since, since + duration + spare * MINUTE, duration, zone)


def walked_until(starts_at: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    """Wait a minute at a time until it isn't night there."""
    left = starts_at - now
    hours = 12 if left > 72 * HOUR else 2 if left > 24 * HOUR else 0.5
    usual = at = now + hours * HOUR
    while not EARLY <= at.astimezone(zone).hour < LATE:
        at += MINUTE
    return at if at < starts_at else usual


@given(instants, st.integers(121, 200 * 60), zones)
@example(datetime(2026, 3, 1, 19, 30, tzinfo=UTC), 25 * 60, ZONES[0])
@example(datetime(2026, 3, 1, 22, tzinfo=UTC), 9 * 60, ZONES[0])
def test_an_offer_is_held_by_the_rules_and_never_runs_out_at_night_unless_it_starts_then(
    now: datetime, minutes: int, zone: ZoneInfo
) -> None:
    starts_at = now + minutes * MINUTE

    until = rules.held_until(starts_at, now, zone)

    assert until == walked_until(starts_at, now, zone)
    assert now < until < starts_at


@pytest.mark.parametrize(
    ("left", "held"),
    [
        (73 * HOUR, 12 * HOUR),
        (72 * HOUR, 2 * HOUR),
        (25 * HOUR, 2 * HOUR),
        (24 * HOUR, 30 * MINUTE),
        (3 * HOUR, 30 * MINUTE),
    ],
)
def test_an_offer_is_held_12_hours_2_hours_or_30_minutes(left: timedelta, held: timedelta) -> None:
    assert rules.held_until(MONDAY + left, MONDAY, ZONES[0]) == MONDAY + held


def test_a_time_is_shared_in_the_last_two_hours() -> None:
    assert rules.is_shared(MONDAY + 2 * HOUR, MONDAY)
    assert not rules.is_shared(MONDAY + 2 * HOUR + MINUTE, MONDAY)


@given(st.sets(st.integers(0, 6)))
def test_days_survive_their_bits(days: set[int]) -> None:
    assert rules.days_in(rules.weekdays(days)) == sorted(days)


@given(instants, st.integers(1, 24 * 60), zones)
def test_days_around_a_time_have_its_day_everywhere(start: datetime, minutes: int, zone: ZoneInfo) -> None:
    end = start + minutes * MINUTE

    around = rules.days_around(start, end)

    assert around >> start.astimezone(zone).weekday() & around >> end.astimezone(zone).weekday() & 1
