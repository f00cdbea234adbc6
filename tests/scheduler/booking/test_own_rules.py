"""Coaches who move a session past rules of their own: each is named first, and what is taken stays taken."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, SlotTaken
from tests.support.bookings import CARA, LATER, STU, TEN, TWELVE, also_booked, booked, found, reservations
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_date, refusal
from tests.support.transactions import transact

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
each = pytest.mark.parametrize(("terms", "to", "rules"), CASES.values(), ids=CASES)


async def a_session_with(db: Database, terms: dict[str, Any]) -> int:
    """An hour on Monday at ten, under terms that the coach has chosen since.

    Tuesday is off, and somebody else has an hour on Wednesday, and another a week later.
    """
    session_id = await booked(db)
    for at in (TWELVE + 2 * DAY, TWELVE + 7 * DAY):
        await also_booked(db, at)
    async with db.begin() as session:
        await a_date(session, (MONDAY + DAY).date())
        coach = await session.get_one(Coach, (GUILD, COACH))
        for name, value in terms.items():
            setattr(coach, name, value)
    return session_id


def moving(
    session_id: int,
    to: datetime,
    breaking: Collection[SlotRefusal] = (),
    actor: Actor = CARA,
    now: datetime = LATER,
) -> Any:
    """Move the session, having read that this breaks these rules."""

    async def use_case(session: AsyncSession) -> CoachingSession:
        return await rescheduling.reschedule(session, session_id, actor, to, "Ill.", now, breaking=breaking)

    return use_case


@each
async def test_a_rule_is_named_before_it_is_broken(
    db: Database, terms: dict[str, Any], to: datetime, rules: set[SlotRefusal]
) -> None:
    session_id = await a_session_with(db, terms)

    async with db.read() as session:
        one, coach = await found(db, session_id), await session.get_one(Coach, (GUILD, COACH))
        broken = await rescheduling.rules_broken(session, one, coach, CARA, to, LATER)
    refused = await refusal(db, NotBookable, moving(session_id, to))

    assert set(broken) == rules
    words = [rescheduling.in_your_words(rule, coach) for rule in broken]
    assert str(refused) == f"{' '.join(words)} Choose the time again."


@each
async def test_a_coach_who_was_told_breaks_it(
    db: Database, terms: dict[str, Any], to: datetime, rules: set[SlotRefusal]
) -> None:
    session_id = await a_session_with(db, terms)

    await transact(db, moving(session_id, to, rules))

    assert (await found(db, session_id)).starts_at == to
    assert {(COACH, to, to + HOUR), (STUDENT, to, to + HOUR)} <= set(await reservations(db))


@each
async def test_no_student_breaks_it(
    db: Database, terms: dict[str, Any], to: datetime, rules: set[SlotRefusal]
) -> None:
    session_id = await a_session_with(db, terms)

    await refusal(db, SlotTaken, moving(session_id, to, set(SlotRefusal), STU))


async def test_a_rule_that_was_not_named_is_not_broken_with_another(db: Database) -> None:
    session_id = await a_session_with(db, {"minimum_notice_minutes": 24 * 60})

    refused = await refusal(db, NotBookable, moving(session_id, EVENING, {HOURS}))

    assert str(refused).startswith("You ask for 1 day of notice. It's outside your hours.")


@pytest.mark.parametrize("terms", [{}, {"buffer_before_minutes": 30}], ids=["overlap", "buffer"])
async def test_what_is_taken_stays_taken(db: Database, terms: dict[str, Any]) -> None:
    session_id = await a_session_with(db, terms)
    to = TWELVE + 2 * DAY + (HOUR if terms else 30 * MINUTE)

    refused = await refusal(db, SlotTaken, moving(session_id, to, set(SlotRefusal)))

    assert refused.why == (
        "That time is too close to another of the coach's sessions." if terms else "That time was just taken."
    )


async def test_a_student_who_is_busy_elsewhere_is_not_moved_there(db: Database) -> None:
    session_id = await a_session_with(db, {})
    await transact(db, a_coach, user_id=COACH + 1)
    await also_booked(db, TWELVE, STU, COACH + 1)

    refused = await refusal(db, SlotTaken, moving(session_id, TWELVE, set(SlotRefusal)))

    assert refused.why == "The student has another session at that time."


@pytest.mark.parametrize("to", [LATER, LATER - HOUR], ids=["now", "an hour ago"])
async def test_nobody_moves_a_session_into_the_past(db: Database, to: datetime) -> None:
    session_id = await a_session_with(db, {})

    refused = await refusal(db, NotBookable, moving(session_id, to, set(SlotRefusal)))

    assert str(refused) == "That time is in the past. Choose a later one."


async def test_what_a_coach_has_put_outside_their_hours_is_not_asked_about_again(db: Database) -> None:
    session_id = await a_session_with(db, {})

    await transact(db, moving(session_id, EVENING, {HOURS}))

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        assert [one.id for one in await free_times.conflicts(session, coach, LATER)] == []
