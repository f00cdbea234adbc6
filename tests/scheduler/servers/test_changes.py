"""How the audit log describes changed settings."""

from typing import Any

import pytest

from scheduler.servers.changes import describe


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"currency": "EUR", "linger_minutes": 90}, ["Currency: EUR", "Room stays after the end: 1 h 30 min"]),
        ({"access_mode": "role"}, ["Access: by a role per session"]),
        ({"keep_after_departure": False}, ["Upcoming sessions of people who leave: cancelled"]),
        ({"reminder_minutes": []}, ["Reminders: none"]),
        ({"payment_instructions": "changed"}, ["Payment instructions"]),
        ({"log_channel_id": 5, "admin_role_id": None}, ["Alerts channel", "Admin role: not set"]),
        ({"fallback_channel_id": None}, ["Fallback channel: not set"]),
    ],
)
def test_changes_are_described_by_label(details: dict[str, Any], said: list[str]) -> None:
    assert describe(details) == said


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"most_coming": 3}, ["Upcoming sessions per student: 3"]),
        ({"how_to_pay": "changed"}, ["Payment instructions"]),
        ({"keep_when_gone": True}, ["Upcoming sessions of people who leave: kept"]),
        ({"colour": "red"}, []),
        ({"first_rules": {}}, []),
        ({"linger_minutes": "soon"}, ["Room stays after the end"]),
        ({"linger_minutes": None}, ["Room stays after the end"]),
        ({"reminder_minutes": ["x"]}, ["Reminders"]),
        ({"access_mode": ["x"]}, ["Access"]),
        ({"time_zone": "Mars/Olympus"}, ["Time zone"]),
        ({"currency": {"a": 1}}, ["Currency"]),
    ],
)
def test_other_releases_changes_are_described_as_far_as_possible(details: dict[str, Any], said: list[str]) -> None:
    assert describe(details) == said
