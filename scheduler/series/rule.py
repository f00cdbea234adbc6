"""When the lessons of a series are: its rules on the wall clock, and how it ends. Pure.

Occurrences count from 0 over all rules. A rule is in force until the next one's first occurrence.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from models import Series, SeriesRule
from scheduler.time.local_time import first_instant, start_of
from scheduler.time.time_zones import is_known, zone


class Planned(NamedTuple):
    """One occurrence, as its rule has it."""

    occurrence: int
    day: date
    """On the clock of the rule."""
    starts_at: datetime | None
    """None if the clocks skip that time on that date."""


def are_usable(rules: Sequence[SeriesRule]) -> bool:
    """Return whether it can be worked out when lessons are: a system update can remove time zones."""
    return bool(rules) and all(is_known(rule.time_zone) for rule in rules)


def rule_for(rules: Sequence[SeriesRule], occurrence: int) -> SeriesRule:
    """Return the rule in force for an occurrence. `rules` are in order, and the first one's is 0."""
    return next(one for one in reversed(rules) if one.first_occurrence <= occurrence)


def planned(rules: Sequence[SeriesRule], occurrence: int) -> Planned:
    """Return when an occurrence is, whether or not the series lasts that long.

    Of a time that the clocks show twice on that date, it's the first.
    """
    rule = rule_for(rules, occurrence)
    since = occurrence - rule.first_occurrence
    day = rule.first_day + timedelta(weeks=since * rule.interval_weeks)
    return Planned(occurrence, day, first_instant(zone(rule.time_zone), day, rule.start_minute))


def occurrences(series: Series, first: int = 0) -> Iterator[Planned]:
    """Yield the occurrences from `first` on until the series ends. Of an open one there's no last."""
    occurrence = first
    while not has_ended(series, one := planned(series.rules, occurrence)):
        yield one
        occurrence += 1


def has_ended(series: Series, one: Planned) -> bool:
    """Return whether a series ends before this occurrence: by its number, its day or because someone ended it."""
    if series.lesson_count is not None and one.occurrence >= series.lesson_count:
        return True
    if series.until is not None and one.day > series.until:
        return True
    return series.ends_at is not None and instant_of(series.rules, one) >= series.ends_at


def instant_of(rules: Sequence[SeriesRule], one: Planned) -> datetime:
    """Return when an occurrence starts or, if the clocks skip its time, when its date does."""
    return one.starts_at or start_of(zone(rule_for(rules, one.occurrence).time_zone), one.day)
