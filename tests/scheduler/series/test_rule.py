"""When lessons are: the wall clock of the rule, what the clocks skip or repeat, and where a series ends."""

from datetime import UTC, date, datetime
from itertools import islice

import pytest

from models import Series, SeriesRule
from scheduler.series.rule import occurrences, planned, rule_for

EIGHT = 8 * 60


def a_rule(first_day: date, *, minute: int = EIGHT, zone: str = "Europe/Berlin", **changed: int) -> SeriesRule:
    """Return a rule that isn't stored; weekly and from the first occurrence on unless `changed` says otherwise."""
    columns = {"first_occurrence": 0, "interval_weeks": 1} | changed
    return SeriesRule(first_day=first_day, start_minute=minute, time_zone=zone, **columns)


def test_lessons_keep_their_time_on_the_clock_when_the_clocks_change() -> None:
    rules = [a_rule(date(2026, 3, 23))]

    found = [planned(rules, occurrence).starts_at for occurrence in (0, 1)]

    assert found == [datetime(2026, 3, 23, 7, tzinfo=UTC), datetime(2026, 3, 30, 6, tzinfo=UTC)]


def test_a_time_that_the_clocks_skip_is_no_instant() -> None:
    rules = [a_rule(date(2026, 3, 22), minute=2 * 60 + 30)]

    before, skipped, after = (planned(rules, occurrence) for occurrence in (0, 1, 2))

    assert before.starts_at == datetime(2026, 3, 22, 1, 30, tzinfo=UTC)
    assert skipped == (1, date(2026, 3, 29), None)
    assert after.starts_at == datetime(2026, 4, 5, 0, 30, tzinfo=UTC)


def test_of_a_time_that_happens_twice_it_is_the_first() -> None:
    rules = [a_rule(date(2026, 10, 25), minute=2 * 60 + 30)]

    assert planned(rules, 0).starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_rule_is_in_force_until_the_next_one() -> None:
    rules = [a_rule(date(2026, 3, 2)), a_rule(date(2026, 3, 19), minute=600, first_occurrence=2, interval_weeks=2)]

    days = [planned(rules, occurrence).day for occurrence in range(5)]

    assert days == [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 19), date(2026, 4, 2), date(2026, 4, 16)]
    assert [rule_for(rules, occurrence).start_minute for occurrence in range(5)] == [480, 480, 600, 600, 600]


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        ({"lesson_count": 3}, date(2026, 3, 16)),
        ({"until": date(2026, 3, 16)}, date(2026, 3, 16)),
        ({"until": date(2026, 3, 15)}, date(2026, 3, 9)),
        ({"ends_at": datetime(2026, 3, 16, 7, tzinfo=UTC)}, date(2026, 3, 9)),
        ({"ends_at": datetime(2026, 3, 16, 7, 1, tzinfo=UTC)}, date(2026, 3, 16)),
        ({"lesson_count": 3, "ends_at": datetime(2026, 3, 3, tzinfo=UTC)}, date(2026, 3, 2)),
    ],
)
def test_a_series_ends_by_number_by_day_or_because_someone_ended_it(ends: dict[str, object], last: date) -> None:
    series = Series(rules=[a_rule(date(2026, 3, 2))], **ends)

    assert [one.day for one in occurrences(series)][-1] == last


def test_an_open_series_goes_on() -> None:
    series = Series(rules=[a_rule(date(2026, 3, 2), interval_weeks=2)])

    assert [one.day for one in islice(occurrences(series, 100), 2)] == [date(2029, 12, 31), date(2030, 1, 14)]
