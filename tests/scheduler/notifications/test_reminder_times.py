"""Reminder times: parsing them, and a server's own."""

from datetime import timedelta

import pytest

from models import Guild
from scheduler.core.errors import Unreadable
from scheduler.notifications.reminder_times import FIRST_REMINDERS, parse_reminder_times, reminder_times

RANGE = "Type times from 5 minutes to 14 days before a session."


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("24h, 1h", [1440, 60]),
        ("1h, 24h", [1440, 60]),
        ("1 day and 90 min", [1440, 90]),
        ("60 min; 1 h", [60]),
        ("2", [120]),
        ("14 days, 5 min", [14 * 1440, 5]),
        ("1H,\n30MIN,", [60, 30]),
        ("5h, 4h, 3h, 2h, 1h", [300, 240, 180, 120, 60]),
        ("none", []),
        (" Off ", []),
    ],
)
def test_times_are_distinct_and_longest_first(typed: str, minutes: list[int]) -> None:
    assert parse_reminder_times(typed) == minutes


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("4 min", f'"4 min" isn\'t a reminder time. {RANGE}'),
        ("24h, 14 days 1 min", f'"14 days 1 min" isn\'t a reminder time. {RANGE}'),
        ("24h, none", f'"none" isn\'t a reminder time. {RANGE}'),
        (", ,", 'Type the times like "24h, 1h", or "none".'),
        ("6h, 5h, 4h, 3h, 2h, 1h", "There are 6 times. Type up to 5."),
        ("soon", 'I can\'t read "soon" as a length of time. Type one like "2 hours", "90 min" or "none".'),
        ("24h 1h", 'I can\'t read "24h 1h" as a length of time. Type one like "2 hours", "90 min" or "none".'),
    ],
)
def test_invalid_times_are_refused_with_what_to_type(typed: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse_reminder_times(typed)

    assert str(refused.value) == sentence


def test_all_invalid_times_are_reported_at_once() -> None:
    with pytest.raises(Unreadable) as refused:
        parse_reminder_times("24h, 3 min, soon, 90 days")

    assert [problem.split(".")[0] for problem in refused.value.problems] == [
        '"3 min" isn\'t a reminder time',
        'I can\'t read "soon" as a length of time',
        '"90 days" isn\'t a reminder time',
    ]


def test_no_reminders_differ_from_unset_reminders() -> None:
    assert reminder_times(Guild(reminder_minutes=None)) == list(FIRST_REMINDERS)
    assert reminder_times(Guild(reminder_minutes=[])) == []
    assert reminder_times(Guild(reminder_minutes=[90])) == [timedelta(minutes=90)]
