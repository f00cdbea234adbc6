"""Coaches can break their own rules when they reschedule, once they've been shown each; nobody else can."""

from datetime import datetime
from typing import Any

import pytest

from models import Coach
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import rescheduling
from scheduler.core.errors import NotBookable, SlotTaken
from tests.support.bookings import CARA, LATER, STU, TEN, TWELVE, Press, also_booked, booked, rescheduling_to
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_date, refusal
from tests.support.stored import reservations, session_now
from tests.support.transactions import fetch, query, transact

EVENING, QUARTER_PAST = MONDAY + 11 * HOUR, TWELVE + 15 * MINUTE
NOTICE, FAR, HOURS = SlotRefusal.TOO_SOON, SlotRefusal.TOO_FAR, SlotRefusal.OUTSIDE_HOURS

CASES: dict[str, tuple[dict[str, Any], datetime, set[SlotRefusal]]] = {
    "notice": ({"minimum_notice_minutes": 6 * 60}, TWELVE, {NOTICE}),
    "horizon": ({"horizon_days": 3}, TEN + 4 * DAY, {FAR}),
    "hours": ({}, EVENING, {HOURS}),
    "step": ({}, QUARTER_PAST, {SlotRefusal.OFF_STEP}),
    "day off": ({}, TEN + DAY, {SlotRefusal.DAY_OFF}),
    "daily limit": ({"daily_limit": 1}, TEN + 2 * DAY, {SlotRefusal.DAILY_LIMIT}),
    "weekly limit": ({"weekly_limit": 1}, TEN + 7 * DAY, {SlotRefusal.WEEKLY_LIMIT}),
    "several": ({"minimum_notice_minutes": 24 * 60, "horizon_days": 1}, EVENING, {NOTICE, HOURS}),
}
each = pytest.mark.parametrize(("rules", "start", "broken"), CASES.values(), ids=CASES)


async def a_session_under(db: Database, rules: dict[str, Any]) -> int:
    """Store an hour on Monday at ten, under rules that the coach has set since then.

    Tuesday is a day off, and someone else has an hour on Wednesday, and another a week later.
    """
    session_id = await booked(db)
    for at in (TWELVE + 2 * DAY, TWELVE + 7 * DAY):
        await also_booked(db, at)
    async with db.begin() as session:
        await a_date(session, (MONDAY + DAY).date())
        coach = await session.get_one(Coach, (GUILD, COACH))
        for name, value in rules.items():
            setattr(coach, name, value)
    return session_id


def by_coach(session_id: int, start: datetime, breaking: set[SlotRefusal]) -> Press:
    """Reschedule after being shown that this breaks these rules."""
    return rescheduling_to(session_id, start, CARA, reason="Ill.", breaking=breaking)


@each
async def test_a_rule_is_named_before_it_is_broken(
    db: Database, rules: dict[str, Any], start: datetime, broken: set[SlotRefusal]
) -> None:
    session_id = await a_session_under(db, rules)

    one, coach = await session_now(db, session_id), await fetch(db, Coach, (GUILD, COACH))
    found = await query(db, rescheduling.find_broken_rules, one, coach, CARA, start, LATER)
    refused = await refusal(db, NotBookable, by_coach(session_id, start, set()))

    assert set(found) == broken
    words = [rescheduling.describe_rule(rule, coach) for rule in found]
    assert str(refused) == f"{' '.join(words)} Choose the time again."


@each
async def test_a_coach_who_was_shown_the_rules_can_break_them(
    db: Database, rules: dict[str, Any], start: datetime, broken: set[SlotRefusal]
) -> None:
    session_id = await a_session_under(db, rules)

    await transact(db, by_coach(session_id, start, broken))

    assert (await session_now(db, session_id)).starts_at == start
    assert {(COACH, start, start + HOUR), (STUDENT, start, start + HOUR)} <= set(await reservations(db))


@each
async def test_a_student_cannot_break_them(
    db: Database, rules: dict[str, Any], start: datetime, broken: set[SlotRefusal]
) -> None:
    session_id = await a_session_under(db, rules)

    await refusal(db, SlotTaken, rescheduling_to(session_id, start, STU, breaking=broken))


async def test_a_rule_that_was_not_shown_is_not_broken_along_with_another(db: Database) -> None:
    session_id = await a_session_under(db, {"minimum_notice_minutes": 24 * 60})

    refused = await refusal(db, NotBookable, by_coach(session_id, EVENING, {HOURS}))

    assert str(refused).startswith("You ask for 1 day of notice. It's outside your hours.")


@pytest.mark.parametrize(
    ("rules", "start", "why"),
    [
        ({}, TWELVE + 2 * DAY + 30 * MINUTE, "That time was just taken."),
        (
            {"buffer_before_minutes": 30},
            TWELVE + 2 * DAY + HOUR,
            "That time is too close to another of the coach's sessions.",
        ),
    ],
    ids=["overlap", "buffer"],
)
async def test_a_coach_cannot_break_any_other_rule(
    db: Database, rules: dict[str, Any], start: datetime, why: str
) -> None:
    session_id = await a_session_under(db, rules)

    refused = await refusal(db, SlotTaken, by_coach(session_id, start, set(SlotRefusal)))

    assert refused.why == why


async def test_a_coach_cannot_take_a_time_at_which_the_student_is_busy(db: Database) -> None:
    session_id = await a_session_under(db, {})
    await transact(db, a_coach, user_id=COACH + 1)
    await also_booked(db, TWELVE, STU, COACH + 1)

    refused = await refusal(db, SlotTaken, by_coach(session_id, TWELVE, set(SlotRefusal)))

    assert refused.why == "The student has another session at that time."


@pytest.mark.parametrize("start", [LATER, LATER - HOUR], ids=["now", "an hour ago"])
async def test_a_coach_cannot_reschedule_into_the_past(db: Database, start: datetime) -> None:
    session_id = await a_session_under(db, {})

    refused = await refusal(db, NotBookable, by_coach(session_id, start, set(SlotRefusal)))

    assert str(refused) == "That time is in the past. Choose a later one."


async def test_a_session_that_its_coach_put_outside_their_hours_is_no_conflict(db: Database) -> None:
    session_id = await a_session_under(db, {})

    await transact(db, by_coach(session_id, EVENING, {HOURS}))

    assert await query(db, free_times.conflicts, await fetch(db, Coach, (GUILD, COACH)), LATER) == []
