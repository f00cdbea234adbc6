"""Describe weekly lessons: how often, how long, until when, and at which price."""

from datetime import date, datetime, timedelta

from models import Series, SeriesPayment
from scheduler.core.clock import stamp
from scheduler.parsing.money import write_money
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone


def kind(interval_weeks: int) -> str:
    """Name such lessons: "weekly lessons"."""
    return "weekly lessons" if interval_weeks == 1 else "lessons every two weeks"


def rhythm(at: datetime, interval_weeks: int, zone_name: str, cycle: HourCycle = HourCycle.H23) -> str:
    """Write how often lessons like the one at `at` are: "Every Tuesday at 16:00 in Europe/Berlin"."""
    local = at.astimezone(zone(zone_name))
    return f"{every(local, interval_weeks)} at {cycle.clock(local)} in {show_zone(zone_name)}"


def every(local: datetime, interval_weeks: int) -> str:
    """Write how often: "Every Tuesday"."""
    return f"{'Every' if interval_weeks == 1 else 'Every other'} {local:%A}"


def days_ahead(at: datetime, zone_name: str, reader_zone: str) -> timedelta:
    """Return how many days the date in one zone is ahead of the reader's at this instant: -1, 0 or 1."""
    return at.astimezone(zone(zone_name)).date() - at.astimezone(zone(reader_zone)).date()


def end(until: date | None, lesson_count: int | None) -> str:
    """Write how long they go on: "8 times", "until 3 May 2026", "until one of you ends them"."""
    if lesson_count is not None:
        return f"{lesson_count} times"
    return f"until {plain_date(until)}" if until is not None else "until one of you ends them"


def plain_date(day: date) -> str:
    """Write a date that is no instant: "3 May 2026"."""
    return f"{day.day} {day:%B} {day.year}"


def terms(series: Series) -> str:
    """Write the length and price of each lesson."""
    return each(series.duration_minutes, series.total_cost_minor, series.currency)


def each(minutes: int, cost_minor: int, currency: str) -> str:
    """Write the length and price of each lesson."""
    return f"{minutes} min · {write_money(cost_minor, currency)}{' each' if cost_minor else ''}"


def payment(pays_with: SeriesPayment, minutes: int) -> str:
    """Write when and how each lesson is paid for. Empty if that's as usual."""
    if pays_with is SeriesPayment.CREDIT:
        return f"**Payment** With credit. We set aside {minutes} minutes a week before each lesson."
    if pays_with is SeriesPayment.CARD:
        return "**Payment** By card. We send you a link a week before each lesson."
    return ""


def date_line(starts_at: datetime | None, day: date, why_not: str | None) -> str:
    """Write one date in a list: whether it takes place and, if not, why."""
    when = stamp(starts_at, "f") if starts_at is not None else plain_date(day)
    return f"✓ {when}" if why_not is None else f"✗ ~~{when}~~ · {why_not}"
