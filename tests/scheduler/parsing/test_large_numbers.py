"""Any number people type is read or refused with a sentence. It never causes an error."""

from collections.abc import Callable
from datetime import date
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from scheduler.core.clock import stamp
from scheduler.core.errors import CoachingError
from scheduler.notifications.reminder_times import parse_reminder_times
from scheduler.parsing.dates import parse_date, parse_last_date, parse_moment
from scheduler.parsing.durations import parse_length, parse_minutes_list
from scheduler.parsing.money import parse_currency, parse_rate, price, write_money
from scheduler.parsing.weekly_hours import parse_days, parse_hours, parse_presets
from scheduler.time.time_zones import parse_zone
from tests.support.builders import DAY, MONDAY

TODAY, BERLIN = MONDAY.date(), ZoneInfo("Europe/Berlin")
NUMBERS = (
    *("0", "00", "9999", "10000", str(2**31), str(2**63), "9" * 20, "9" * 400, "1" + "0" * 4_400),
    *("٣" * 25, "²", "½", "1" + "\u0661" * 3),
)
"""The one with all the zeros has more digits than Python reads. The last four are digits in other scripts."""
SHAPES = (
    *("{n}", "-{n}", "+{n}", "{n}.{n}", "{n},{n}", "1e{n}", "1e-{n}", "1/{n}", "{n}_{n}", "0x{n}", "{n} {n}"),
    *("{n}h", "{n} h {n} min", "{n}d", "{n} days", "{n} weeks", "{n}.{n} hours", "{n} minutes", "{n}h, {n}m"),
    *(
        "1.{n} days",
        "{n}:{n}",
        "{n}:00",
        "0:{n}",
        "9-{n}",
        "{n}-{n}",
        "{n}-17",
        "{n}am",
        "{n}:{n}pm-{n}",
        "{n}h{n}",
    ),
    *("in {n} days", "in {n} weeks", "in {n} months", "{n} days", "{n}-01-01", "2026-{n}-{n}", "{n}/{n}/{n}"),
    *("01.01.{n}", "1 Jan {n}", "{n} Jan", "{n}th of March {n}", "mon {n}:00", "{n} Jan {n}:{n}"),
    *(
        "in {n} days 9:00",
        "Mon-{n}",
        "Mon, {n}",
        "{n} Mon",
        "Etc/GMT+{n}",
        "UTC+{n}",
        "GMT-{n}",
        "Late: {n}-{n}",
        "Late {n}-{n}",
    ),
    *("{n} EUR", "€{n}"),
)


def rate(text: str) -> str:
    """Return the price of a day at this rate."""
    minor = parse_rate(text, "EUR")
    return write_money(price(minor, DAY), "EUR")


READERS: dict[str, Callable[[str], object]] = {
    "days": parse_days,
    "hours": parse_hours,
    "presets": parse_presets,
    "date": lambda text: parse_date(text, today=TODAY),
    "date after one": lambda text: parse_date(text, today=TODAY, since=date.max),
    "last date": lambda text: parse_last_date(text, first=TODAY, today=TODAY),
    "moment": lambda text: stamp(parse_moment(text, now=MONDAY, zone=BERLIN)),
    "length in minutes": lambda text: parse_length(text, unit="minutes"),
    "length in hours": lambda text: parse_length(text, unit="hours"),
    "length in days": lambda text: parse_length(text, unit="days"),
    "lengths": parse_minutes_list,
    "currency": parse_currency,
    "rate": rate,
    "reminders": parse_reminder_times,
    "zone": parse_zone,
}


SLOW = {"zone"}  # searches all cities


@pytest.mark.parametrize(
    "what", [pytest.param(one, marks=[pytest.mark.slow] if one in SLOW else []) for one in READERS]
)
def test_any_number_is_read_or_refused(what: str) -> None:
    broken: list[str] = []
    refusals: list[str] = []

    for shape, number in product(SHAPES, NUMBERS):
        try:
            READERS[what](shape.replace("{n}", number))
        except CoachingError as refusal:
            refusals.append(str(refusal))
        except Exception as error:  # noqa: BLE001  (this is what the test looks for)
            broken.append(f"{shape} with {number[:25]}: {error!r:.100}")

    assert broken == []
    assert len(refusals) > len(NUMBERS)
    assert [one for one in refusals if not 20 < len(one) < 500] == []
