"""What the audit log keeps of changed settings, and how it's described."""

from typing import Any

import pytest

from scheduler.servers import changes
from scheduler.servers.resources import ServerResource


def name_of(place: ServerResource, id_: int) -> str:
    return f"@role-{id_}" if place.is_role else f"#channel-{id_}"


def describe(details: dict[str, Any]) -> list[str]:
    return changes.describe(details, name_of)


@pytest.mark.parametrize(
    ("column", "old", "new", "said"),
    [
        ("currency", "USD", "EUR", "Currency: USD → EUR"),
        ("linger_minutes", 15, 90, "Room stays after the end: 15 min → 1 h 30 min"),
        ("access_mode", "people", "role", "Access: per person → by a role per session"),
        ("keep_after_departure", True, False, "Upcoming sessions of people who leave: kept → cancelled"),
        ("reminder_minutes", [1440, 60], [], "Reminders: 1 day, 1 h → none"),
        ("payment_instructions", "", "By bank transfer", "Payment instructions: not set → set"),
        ("payment_instructions", "By bank transfer", "", "Payment instructions: set → not set"),
        ("payment_instructions", "By bank transfer", "In cash", "Payment instructions: changed"),
        ("log_channel_id", None, 5, "Alerts channel: not set → #channel-5"),
        ("coach_role_id", 5, 6, "Coach role: @role-5 → @role-6"),
        ("fallback_channel_id", 7, None, "Fallback channel: #channel-7 → not set"),
    ],
)
def test_a_change_is_described_from_what_to_what(column: str, old: Any, new: Any, said: str) -> None:
    kept = changes.details({column: old}, {column: new})

    assert describe(kept) == [said]
    assert "bank" not in str(kept)


def test_only_what_differs_is_kept() -> None:
    before = {"currency": "EUR", "linger_minutes": 15}

    assert changes.details(before, {"currency": "EUR", "linger_minutes": 0}) == {
        "linger_minutes": {"from": 15, "to": 0}
    }


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"currency": "EUR", "linger_minutes": 90}, ["Currency: EUR", "Room stays after the end: 1 h 30 min"]),
        ({"most_coming": 3}, ["Upcoming sessions per student: 3"]),
        ({"how_to_pay": "changed"}, ["Payment instructions"]),
        ({"keep_when_gone": True}, ["Upcoming sessions of people who leave: kept"]),
        ({"log_channel_id": 5, "admin_role_id": None}, ["Alerts channel: #channel-5", "Admin role: not set"]),
        ({"colour": "red"}, []),
        ({"first_rules": {}}, []),
        ({"linger_minutes": "soon"}, ["Room stays after the end"]),
        ({"linger_minutes": None}, ["Room stays after the end"]),
        ({"reminder_minutes": ["x"]}, ["Reminders"]),
        ({"access_mode": ["x"]}, ["Access"]),
        ({"time_zone": "Mars/Olympus"}, ["Time zone"]),
        ({"time_zone": {"from": "Mars/Olympus", "to": "UTC"}}, ["Time zone: unknown → UTC"]),
        ({"currency": {"a": 1}}, ["Currency"]),
    ],
)
def test_other_releases_changes_are_described_as_far_as_possible(details: dict[str, Any], said: list[str]) -> None:
    assert describe(details) == said
