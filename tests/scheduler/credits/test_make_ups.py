"""Make-ups for sessions that were paid for outside and cancelled."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AuditEntry,
    CoachingSession,
    CreditLot,
    Guild,
    LotSource,
    NotificationKind,
    Payment,
    PaymentPurpose,
    PaymentStatus,
)
from models.storage.database import Database
from scheduler.attendance import outcomes
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.credits import grants
from tests.support.bookings import CARA, STU, book
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    a_session,
)
from tests.support.credits import a_lot, book_with_credit, left
from tests.support.stored import notifications
from tests.support.transactions import fetch_all, transact

EVERY_DAY = [(day, 0, 24 * 60) for day in range(7)]
TUESDAY = MONDAY + DAY
SECOND = MINUTE / 60


async def a_server(db: Database, most: int = 2, **coach: object) -> None:
    await a_server_with_a_coach(
        db, guild={"most_make_ups": most, "most_upcoming": 100}, hours=EVERY_DAY, horizon_days=300, **coach
    )


async def cancelled(
    db: Database, starts_at: datetime = TUESDAY, by: Actor = STU, *, now: datetime = MONDAY
) -> CoachingSession:
    """Book an hour, cancel it, and return it."""
    one = await transact(db, book, starts_at=starts_at, now=MONDAY)
    return await transact(db, cancellation.cancel, one.id, by, GUILD, "", now)


async def make_ups(db: Database) -> list[CreditLot]:
    return await fetch_all(db, select(CreditLot).where(CreditLot.source == LotSource.MAKE_UP))


async def test_cancelling_a_day_ahead_gives_the_same_time_with_the_same_coach(db: Database) -> None:
    await a_server(db)

    one = await cancelled(db)

    [lot] = await make_ups(db)
    guild = Guild(time_zone="UTC")
    assert (lot.user_id, lot.coach_ids, lot.minutes_left) == (STUDENT, [COACH], 60)
    assert (lot.session_id, lot.paid_minor, lot.currency) == (one.id, 6000, "USD")
    assert lot.valid_until == grants.last_day_ends_at(guild, 60, MONDAY)
    told = [note for note in await notifications(db) if note.kind is NotificationKind.CREDITS_GRANTED]
    assert [(note.user_id, note.lot_id) for note in told] == [(STUDENT, lot.id)]
    actions = [entry.action for entry in await fetch_all(db, select(AuditEntry))]
    assert actions.count("make_up_granted") == 1


async def test_servers_give_none_unless_they_say_so(db: Database) -> None:
    await a_server(db, most=0)

    await cancelled(db)
    await cancelled(db, by=CARA)

    assert await make_ups(db) == []


async def test_what_a_card_paid_for_is_paid_back_instead(db: Database) -> None:
    await a_server(db)
    one = await transact(db, book, starts_at=TUESDAY)
    async with db.begin() as session:
        session.add(
            Payment(
                guild_id=GUILD,
                code="paid",
                user_id=STUDENT,
                purpose=PaymentPurpose.SESSION,
                status=PaymentStatus.PAID,
                amount_minor=6000,
                currency="USD",
                livemode=True,
                session_id=one.id,
                idempotency_key="key",
                request={},
                created_at=MONDAY,
                expires_at=MONDAY,
            )
        )

    await transact(db, cancellation.cancel, one.id, STU, GUILD, "", MONDAY)

    assert await make_ups(db) == []


@pytest.mark.parametrize(("notice", "count"), [(DAY, 1), (DAY - SECOND, 0)])
async def test_a_day_of_notice_is_enough_and_less_is_not(db: Database, notice: timedelta, count: int) -> None:
    await a_server(db)

    await cancelled(db, now=TUESDAY - notice)

    assert len(await make_ups(db)) == count


@pytest.mark.parametrize("by", [CARA, ADMIN])
async def test_what_the_student_does_not_cancel_needs_no_notice_and_counts_for_nothing(
    db: Database, by: Actor
) -> None:
    await a_server(db, most=1)

    for hour in range(3):
        await cancelled(db, TUESDAY + hour * HOUR, by, now=TUESDAY - MINUTE)
    await cancelled(db, TUESDAY + 5 * DAY)

    assert len(await make_ups(db)) == 4


async def test_a_student_gets_as_many_as_the_server_says_in_90_days(db: Database) -> None:
    await a_server(db)
    counts = []

    for days in (0, 1, 90 - 1 / 24, 90, 90 + 1 / 24, 91):
        now = MONDAY + days * DAY
        await cancelled(db, MONDAY + 120 * DAY + days * DAY, now=now)
        counts.append(len(await make_ups(db)))

    assert counts == [1, 2, 2, 3, 3, 4]


async def test_nothing_is_owed_for_what_cost_nothing_or_was_booked_with_credit(db: Database) -> None:
    await a_server(db, rate_minor=0)
    await transact(db, a_lot, 60)
    await cancelled(db)
    one = await transact(db, book_with_credit, starts_at=TUESDAY + HOUR)

    await transact(db, cancellation.cancel, one.id, CARA, GUILD, "", MONDAY)

    assert await left(db) == [60]


@pytest.mark.parametrize("by", [STU, CARA])
async def test_a_session_without_a_room_is_made_up_for_whoever_says_so(db: Database, by: Actor) -> None:
    await a_server(db, most=1)
    one = await transact(db, a_session, starts_at=MONDAY - 2 * HOUR, status="COMPLETED", missed_at=MONDAY - HOUR)

    await transact(db, outcomes.answer_whether_it_took_place, one.id, by, None, False, MONDAY)
    await cancelled(db)

    assert [lot.session_id for lot in await make_ups(db)] == [one.id, one.id + 1]


async def test_an_extended_session_is_made_up_for_as_it_was_booked(db: Database) -> None:
    await a_server(db)
    one = await transact(
        db,
        a_session,
        starts_at=TUESDAY,
        ends_at=TUESDAY + 90 * MINUTE,
        booked_ends_at=TUESDAY + HOUR,
        total_cost_minor=9000,
        booked_cost_minor=6000,
    )

    async def cancel(session: AsyncSession) -> None:
        await cancellation.cancel(session, one.id, CARA, GUILD, "", MONDAY)

    await transact(db, cancel)

    assert [(lot.minutes_left, lot.paid_minor) for lot in await make_ups(db)] == [(60, 6000)]
