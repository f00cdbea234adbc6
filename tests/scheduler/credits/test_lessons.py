"""Weekly lessons are paid for in time: credit a week before, cards until a day before."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import (
    CoachingSession,
    Lesson,
    Notification,
    NotificationKind,
    Payment,
    PaymentMode,
    PaymentPurpose,
    PaymentStatus,
    SeriesPayment,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import rescheduling
from scheduler.core.errors import NotBookable
from scheduler.core.task_pool import TaskPool
from scheduler.credits import lessons
from scheduler.series.changes import one_lesson
from tests.support.bookings import STU
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_guild, refusal
from tests.support.credits import a_lot, book_with_credit, left
from tests.support.series import a_series
from tests.support.transactions import fetch_all, transact

TEN = MONDAY + 2 * HOUR
FIRST, SECOND, THIRD = (TEN + week * 7 * DAY for week in (2, 3, 4))
"""Lessons begin in two weeks."""
CARD, CREDIT = SeriesPayment.CARD, SeriesPayment.CREDIT


async def lessons_paid(
    db: Database, pays_with: SeriesPayment, *credit: int, guild: Any = None, **changed: Any
) -> None:
    """Store lessons on Mondays at ten that are paid for in this way, and lots of this many minutes."""
    async with db.begin() as session:
        await a_guild(session, **{"payment_mode": PaymentMode.OPTIONAL} | (guild or {}))
        await a_coach(session)
        for minutes in credit:
            await a_lot(session, minutes)
        await a_series(session, first_day=FIRST.date(), pays_with=pays_with, **changed)


async def look(db: Database, now: datetime, *, has_cards: bool = True) -> None:
    """Do what's due then, until nothing is."""
    while await _due(db, now):
        failed = await lessons.do_due(db, lambda: now, TaskPool(wait_for_slow=True), has_cards=has_cards)
        assert not failed


async def _due(db: Database, now: datetime) -> bool:
    return bool(await fetch_all(db, select(Lesson).where(Lesson.pay_step_at <= now)))


async def told(db: Database) -> list[tuple[str, datetime]]:
    """Return what the student was told about payment: the kind, and which lesson it's about."""
    kinds = NotificationKind.LESSON_CREDIT_SHORT, NotificationKind.LESSON_TO_PAY
    found = (
        select(Notification.kind, CoachingSession.starts_at)
        .join(CoachingSession, CoachingSession.id == Notification.session_id)
        .where(Notification.kind.in_(kinds), Notification.user_id == STUDENT)
        .order_by(Notification.id)
    )
    async with db.read() as session:
        return [(kind, at) for kind, at in await session.execute(found)]


async def at(db: Database, starts_at: datetime) -> CoachingSession:
    """Return the lesson that was made for this time."""
    of_lesson = select(CoachingSession).join(Lesson, Lesson.session_id == CoachingSession.id)
    [found] = await fetch_all(db, of_lesson.where(Lesson.starts_at == starts_at))
    return found


async def test_credit_is_reserved_a_week_before_each_lesson(db: Database) -> None:
    await lessons_paid(db, CREDIT, 150)

    await look(db, FIRST - 7 * DAY - MINUTE)
    before = await left(db)
    await look(db, FIRST - 7 * DAY)

    assert before == [150]
    assert await left(db) == [90]
    first, second = await at(db, FIRST), await at(db, SECOND)
    assert (first.student.credit_minutes, first.student.total_cost_minor) == (60, 0)
    assert first.student.credit_worth_minor == 6000
    assert second.student.credit_minutes is None


async def test_the_student_is_told_two_weeks_before_the_first_lesson_their_credit_does_not_cover(
    db: Database,
) -> None:
    await lessons_paid(db, CREDIT, 90)

    await look(db, SECOND - 14 * DAY - MINUTE)
    before = await told(db)
    for days in (14, 10, 7, 3):
        await look(db, SECOND - days * DAY)

    assert before == []
    assert await told(db) == [("lesson_credit_short", SECOND), ("lesson_to_pay", SECOND)]


async def test_a_lesson_without_enough_credit_is_to_be_paid_for_until_a_day_before(db: Database) -> None:
    await lessons_paid(db, CREDIT, 30)

    await look(db, FIRST - 7 * DAY)
    await look(db, FIRST - DAY - MINUTE)
    before = (await at(db, FIRST)).status
    await look(db, FIRST - DAY)

    assert ("lesson_to_pay", FIRST) in await told(db)
    assert before is SessionStatus.SCHEDULED
    cancelled = await at(db, FIRST)
    assert cancelled.status is SessionStatus.CANCELLED
    assert (cancelled.cancelled_by, cancelled.cancel_reason) == (None, "It wasn't paid for in time.")
    assert (await at(db, SECOND)).status is SessionStatus.SCHEDULED
    assert await left(db) == [30]


@pytest.mark.parametrize("pays_with", [CREDIT, CARD])
async def test_a_server_can_keep_what_is_not_paid_for(db: Database, pays_with: SeriesPayment) -> None:
    await lessons_paid(db, pays_with, guild={"cancels_unpaid_lessons": False})
    await look(db, FIRST - 7 * DAY)

    await look(db, FIRST - DAY)

    kept = await at(db, FIRST)
    assert kept.status is SessionStatus.SCHEDULED
    assert (kept.student.credit_minutes, kept.student.total_cost_minor) == (None, 6000)


async def test_credit_that_comes_meanwhile_is_reserved_at_once(db: Database) -> None:
    await lessons_paid(db, CREDIT)
    await look(db, FIRST - 7 * DAY)

    now = FIRST - 3 * DAY
    async with db.begin() as session:
        await a_lot(session, 60, now=now)
    await look(db, now)

    assert (await at(db, FIRST)).student.credit_minutes == 60
    assert await left(db) == [0]


async def test_a_lesson_to_be_paid_by_card_is_asked_for_a_week_before_and_never_earlier(db: Database) -> None:
    await lessons_paid(db, CARD)

    await look(db, FIRST - 7 * DAY - MINUTE)
    before = await told(db)
    await look(db, FIRST - 7 * DAY)

    assert before == []
    assert await told(db) == [("lesson_to_pay", FIRST)]


async def paid(db: Database, starts_at: datetime, status: PaymentStatus, **changed: Any) -> None:
    """Store a payment by card for a lesson."""
    one = await at(db, starts_at)
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "code": f"p{one.id}",
        "user_id": STUDENT,
        "purpose": PaymentPurpose.LESSON,
        "status": status,
        "amount_minor": 6000,
        "currency": "USD",
        "livemode": False,
        "coach_id": COACH,
        "session_id": one.id,
        "idempotency_key": f"k{one.id}",
        "request": {},
        "created_at": MONDAY,
        "expires_at": MONDAY,
    }
    async with db.begin() as session:
        session.add(Payment(**values | changed))


async def test_a_lesson_that_was_paid_by_card_takes_place(db: Database) -> None:
    await lessons_paid(db, CARD)
    await look(db, FIRST - 7 * DAY)
    await paid(db, FIRST, PaymentStatus.PAID)

    await look(db, FIRST - DAY)

    assert (await at(db, FIRST)).status is SessionStatus.SCHEDULED


async def test_a_lesson_that_is_just_being_paid_for_is_cancelled_only_if_that_fails(db: Database) -> None:
    await lessons_paid(db, CARD)
    await look(db, FIRST - 7 * DAY)
    page_closes = FIRST - DAY + 20 * MINUTE
    await paid(db, FIRST, PaymentStatus.OPEN, expires_at=page_closes)

    await look(db, FIRST - DAY)
    meanwhile = (await at(db, FIRST)).status
    async with db.begin() as session:
        (await session.get_one(Payment, 1)).status = PaymentStatus.EXPIRED
    await look(db, page_closes + HOUR)

    assert meanwhile is SessionStatus.SCHEDULED
    assert (await at(db, FIRST)).status is SessionStatus.CANCELLED


@pytest.mark.parametrize(("mode", "has_cards"), [(PaymentMode.OFF, True), (PaymentMode.OPTIONAL, False)])
async def test_nothing_is_cancelled_if_nobody_could_have_paid(
    db: Database, mode: PaymentMode, has_cards: bool
) -> None:
    await lessons_paid(db, CARD, guild={"payment_mode": mode})
    await look(db, FIRST - 7 * DAY, has_cards=has_cards)

    await look(db, FIRST - DAY, has_cards=has_cards)

    assert (await at(db, FIRST)).status is SessionStatus.SCHEDULED


async def test_who_is_told_late_has_half_the_time_that_is_left(db: Database) -> None:
    await lessons_paid(db, CARD)
    late = FIRST - 10 * HOUR
    await look(db, late)

    await look(db, late + 5 * HOUR - MINUTE)
    before = (await at(db, FIRST)).status
    await look(db, late + 5 * HOUR)

    assert before is SessionStatus.SCHEDULED
    assert (await at(db, FIRST)).status is SessionStatus.CANCELLED


async def test_lessons_paid_otherwise_and_free_ones_are_left_alone(db: Database) -> None:
    await lessons_paid(db, CARD, total_cost_minor=0)

    await look(db, FIRST - HOUR)

    assert await told(db) == []
    assert (await at(db, FIRST)).status is SessionStatus.SCHEDULED


@pytest.mark.parametrize("by", [-3 * DAY, 3 * DAY])
async def test_a_rescheduled_lesson_is_paid_for_by_its_new_time(db: Database, by: timedelta) -> None:
    await lessons_paid(db, CARD)
    now = FIRST - 11 * DAY
    one = await at(db, FIRST)
    async with db.begin() as session:
        await rescheduling.reschedule(session, one.id, STU, FIRST + by, "", now)

    await look(db, FIRST + by - 7 * DAY - MINUTE)
    before = await told(db)
    await look(db, FIRST + by - 7 * DAY)

    assert before == []
    assert await told(db) == [("lesson_to_pay", FIRST + by)]


async def test_a_lesson_that_is_rescheduled_before_it_is_paid_for_is_asked_for_again(db: Database) -> None:
    await lessons_paid(db, CARD)
    await look(db, FIRST - 7 * DAY)
    one = await at(db, FIRST)
    async with db.begin() as session:
        await rescheduling.reschedule(session, one.id, STU, FIRST + DAY, "", FIRST - 5 * DAY)

    await look(db, FIRST - 5 * DAY)

    assert await told(db) == [("lesson_to_pay", FIRST + DAY), ("lesson_to_pay", FIRST + DAY)]


async def test_a_cancelled_lesson_is_not_asked_for(db: Database) -> None:
    await lessons_paid(db, CARD)
    one = await at(db, FIRST)
    async with db.begin() as session:
        (await session.get_one(CoachingSession, one.id)).status = SessionStatus.CANCELLED

    await look(db, FIRST - DAY)

    assert await told(db) == []


async def test_while_the_bot_is_not_in_the_server_nothing_is_cancelled(db: Database) -> None:
    await lessons_paid(db, CARD, guild={"bot_removed_at": MONDAY})

    for hours in range(48, 0, -1):
        await lessons.do_due(
            db, lambda hours=hours: FIRST - hours * HOUR, TaskPool(wait_for_slow=True), has_cards=True
        )

    assert await told(db) == []


async def test_a_lesson_whose_make_up_is_spent_stays_skipped(db: Database) -> None:
    await lessons_paid(db, SeriesPayment.OTHERWISE, guild={"most_make_ups": 2})
    now = FIRST - 5 * DAY
    await transact(db, one_lesson.skip, 1, 0, STU, GUILD, "", now)
    made_up = await left(db)
    async with db.begin() as session:
        await book_with_credit(session, starts_at=FIRST + HOUR, now=now)

    refused = await refusal(db, NotBookable, lambda session: one_lesson.bring_back(session, 1, 0, STU, GUILD, now))

    assert made_up == [60]
    assert "is spent" in str(refused)
