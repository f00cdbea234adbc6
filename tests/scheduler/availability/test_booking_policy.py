"""Booking rules: which are accepted, and that they survive being stored."""

import json
from dataclasses import replace
from typing import Any

import pytest

from models import Coach, Guild, SessionType
from scheduler.availability import booking_policy
from scheduler.availability.booking_policy import Rules
from scheduler.core.errors import WrongFields

LENGTHS = "A session can last 5 minutes to 12 hours. Type lengths in minutes, like 60, 30, 90."
COUNT = "Offer 1 to 10 different lengths, like 60, 30, 90."
STEP = "Type 5 minutes to 12 hours."
BUFFER = "Type at most 6 hours."
NOTICE = "Type at most 60 days."
HORIZON = "Type 1 to 365 days."
DAILY = 'Type 1 to 50 sessions, or "no limit".'
WEEKLY = 'Type 1 to 200 sessions, or "no limit".'

EVERY_FIELD = Rules(SessionType.VOICE, (45, 120), 15, 5, 10, 60, 90, 3, 12)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("durations_minutes", (), COUNT),
        ("durations_minutes", (60, 60), COUNT),
        ("durations_minutes", tuple(range(10, 21)), COUNT),
        ("durations_minutes", tuple(range(10, 20)), None),
        ("durations_minutes", (60, 4), LENGTHS),
        ("durations_minutes", (721,), LENGTHS),
        ("durations_minutes", (5, 720), None),
        ("slot_step_minutes", 4, STEP),
        ("slot_step_minutes", 5, None),
        ("slot_step_minutes", 720, None),
        ("slot_step_minutes", 721, STEP),
        *(
            (name, value, sentence)
            for name in ("buffer_before_minutes", "buffer_after_minutes")
            for value, sentence in ((-1, BUFFER), (0, None), (360, None), (361, BUFFER))
        ),
        ("minimum_notice_minutes", -1, NOTICE),
        ("minimum_notice_minutes", 0, None),
        ("minimum_notice_minutes", 60 * 24 * 60, None),
        ("minimum_notice_minutes", 60 * 24 * 60 + 1, NOTICE),
        ("horizon_days", 0, HORIZON),
        ("horizon_days", 1, None),
        ("horizon_days", 365, None),
        ("horizon_days", 366, HORIZON),
        ("daily_limit", 0, DAILY),
        ("daily_limit", 1, None),
        ("daily_limit", 50, None),
        ("daily_limit", 51, DAILY),
        ("daily_limit", None, None),
        ("weekly_limit", 0, WEEKLY),
        ("weekly_limit", 1, None),
        ("weekly_limit", 200, None),
        ("weekly_limit", 201, WEEKLY),
        ("weekly_limit", None, None),
    ],
)
def test_rules_out_of_range_are_refused_with_the_range(name: str, value: Any, sentence: str | None) -> None:
    wanted = {} if sentence is None else {booking_policy.LABELS[name]: sentence}

    assert refused(replace(EVERY_FIELD, **{name: value})) == wanted


def test_all_rules_out_of_range_are_refused_at_once() -> None:
    wrong = refused(replace(EVERY_FIELD, horizon_days=0, weekly_limit=201, slot_step_minutes=4))

    assert wrong == {"Sessions start every": STEP, "Booking horizon": HORIZON, "Weekly limit": WEEKLY}


def refused(wanted: Rules) -> dict[str, str]:
    """Return what refuses the rules, by field."""
    try:
        wanted.check()
    except WrongFields as error:
        return error.wrong
    return {}


def test_the_defaults_are_in_range() -> None:
    assert refused(Rules()) == {}


def test_rules_survive_being_stored_as_columns_and_json() -> None:
    coach = Coach()

    booking_policy.apply_rules(coach, EVERY_FIELD)

    assert booking_policy.rules_of(coach) == EVERY_FIELD
    assert booking_policy.from_json(json.loads(json.dumps(booking_policy.to_json(EVERY_FIELD)))) == EVERY_FIELD


def test_invalid_stored_rules_become_defaults() -> None:
    stored = booking_policy.to_json(EVERY_FIELD) | {
        "slot_step_minutes": 4,
        "horizon_days": None,
        "daily_limit": "3",
    }

    assert booking_policy.from_json(stored) == replace(
        EVERY_FIELD, slot_step_minutes=30, horizon_days=28, daily_limit=None
    )


def test_rules_a_server_has_not_set_are_defaults() -> None:
    assert booking_policy.default_policy(Guild()) == Rules()
    assert booking_policy.default_policy(Guild(default_policy={"horizon_days": 90})) == Rules(horizon_days=90)
