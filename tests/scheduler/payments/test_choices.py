"""Money back or credit: what whoever paid by card for a session chooses, until when, and who else can't."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import (
    AuditEntry,
    Coach,
    CoachingSession,
    CreditLot,
    Guild,
    LotSource,
    NotificationKind,
    RefundStatus,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotFound
from scheduler.credits import ledger, make_ups
from scheduler.credits.packages import USUAL_VALIDITY
from scheduler.payments import choices, refunds
from scheduler.reports import health
from tests.support.bookings import CARA, SAM, STU, TEN
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach
from tests.support.credits import left
from tests.support.payments import Till, till
from tests.support.stored import notifications
from tests.support.transactions import fetch_all, query, transact

REFUNDED, GRANTED = NotificationKind.REFUNDED, NotificationKind.CREDITS_GRANTED


async def cancelled(here: Till, by: Actor = CARA, *, as_credit: bool = False) -> int:
    """Pay for a session and cancel it; return the payment's id."""
    session_id = await here.paid()
    await transact(here.db, choices.cancel, session_id, by, GUILD, "", here.now, as_credit=as_credit)
    return (await here.payments())[-1].id


async def keep(here: Till, payment_id: int, actor: Actor = STU) -> CreditLot:
    return await transact(here.db, choices.keep_as_credit, payment_id, actor, here.now)


async def told(db: Database) -> list[NotificationKind]:
    return [one.kind for one in await notifications(db) if one.kind in (REFUNDED, GRANTED)]


async def became(here: Till) -> tuple[RefundStatus, list[int], list[int]]:
    """Return how far the refund is, what was sent to the card, and the minutes of credit."""
    [refund] = await here.refunds()
    return refund.status, [one["amount"] for one in here.server.refunds.values()], await left(here.db)


async def test_a_student_who_cancels_gets_money_unless_they_say_credit(db: Database) -> None:
    async with till(db) as here:
        await cancelled(here, STU)
        await here.tick()

        assert await became(here) == (RefundStatus.DONE, [6000], [])
        assert await told(db) == [REFUNDED]


async def test_a_student_who_keeps_it_as_credit_gets_no_money(db: Database) -> None:
    async with till(db) as here:
        payment_id = await cancelled(here, STU, as_credit=True)
        await here.tick()
        await here.tick(3 * DAY)

        assert await became(here) == (RefundStatus.KEPT, [], [60])
        assert await told(db) == [GRANTED]
        [lot] = await fetch_all(db, select(CreditLot))
        assert (lot.source, lot.coach_ids, lot.paid_minor, lot.currency) == (
            LotSource.REFUND,
            [COACH],
            6000,
            "USD",
        )
        assert lot.valid_until == MONDAY.replace(hour=0) + (USUAL_VALIDITY + 1) * DAY
        with pytest.raises(AlreadyDecided, match="kept this as credit"):
            await transact(db, choices.refund_now, payment_id, STU, here.now)
        with pytest.raises(AlreadyDecided, match="already"):
            await transact(db, refunds.pay_back, GUILD, payment_id, ADMIN, here.now)


async def test_a_late_cancellation_leaves_nothing_to_choose(db: Database) -> None:
    async with till(db) as here:
        async with db.begin() as session:
            (await session.get_one(Guild, GUILD)).cancel_notice_minutes = 24 * 60
        payment_id = await cancelled(here, STU, as_credit=True)

        assert (await here.refunds(), await left(db)) == ([], [])
        with pytest.raises(AlreadyDecided, match="nothing to choose"):
            await keep(here, payment_id)


@pytest.mark.parametrize("who", [CARA, ADMIN])
async def test_nobody_but_the_student_decides_for_credit(db: Database, who: Actor) -> None:
    async with till(db) as here:
        payment_id = await cancelled(here, who, as_credit=True)
        for other in (CARA, SAM, ADMIN):
            with pytest.raises(NotFound):
                await keep(here, payment_id, other)
            with pytest.raises(NotFound):
                await transact(db, choices.refund_now, payment_id, other, here.now)

        assert await became(here) == (RefundStatus.OWED, [], [])


async def test_after_a_coachs_cancellation_the_money_waits_a_day_for_the_students_choice(db: Database) -> None:
    async with till(db) as here:
        payment_id = await cancelled(here)
        at = here.now
        await here.tick(refunds.CHOICE_FOR - MINUTE)
        assert await became(here) == (RefundStatus.OWED, [], [])
        assert (await query(db, health.inspect_health, GUILD, ADMIN, here.now)).refunds_owed == 0

        here.now = at + refunds.CHOICE_FOR
        with pytest.raises(AlreadyDecided, match="on its way back"):
            await keep(here, payment_id)
        assert (await query(db, health.inspect_health, GUILD, ADMIN, here.now)).refunds_owed == 1
        await here.tick(timedelta(0))

        assert await became(here) == (RefundStatus.DONE, [6000], [])


async def test_until_then_the_student_keeps_it_as_credit_once(db: Database) -> None:
    async with till(db) as here:
        payment_id = await cancelled(here)
        here.now += HOUR
        first, second = await keep(here, payment_id), await keep(here, payment_id)
        await here.tick(3 * DAY)

        assert first.id == second.id
        assert await became(here) == (RefundStatus.KEPT, [], [60])
        assert await told(db) == [GRANTED]
        entry = select(AuditEntry).where(AuditEntry.action == "refund_kept_as_credit")
        assert [one.actor_id for one in await fetch_all(db, entry)] == [STUDENT]


async def test_money_back_now_ends_the_choice(db: Database) -> None:
    async with till(db) as here:
        payment_id = await cancelled(here)
        await transact(db, choices.refund_now, payment_id, STU, here.now)
        await transact(db, choices.refund_now, payment_id, STU, here.now)
        with pytest.raises(AlreadyDecided, match="on its way back"):
            await keep(here, payment_id)
        await here.tick()

        assert await became(here) == (RefundStatus.DONE, [6000], [])


async def test_a_refund_that_stripe_was_asked_for_cannot_become_credit(db: Database) -> None:
    async with till(db) as here:
        payment_id = await cancelled(here)
        async with db.begin() as session:
            refund = await refunds.refund_of(session, payment_id)
            assert refund is not None
            refund.tried_at = here.now  # `coachbot refund` asked, and died before the answer

        with pytest.raises(AlreadyDecided, match="on its way back"):
            await keep(here, payment_id)


async def test_credit_in_place_of_a_refund_is_for_this_coach_or_a_cheaper_one(db: Database) -> None:
    async with till(db) as here:
        for number, rate in enumerate((6000, 6001), 1):
            await transact(db, a_coach, user_id=COACH + number, rate_minor=rate)
        await cancelled(here, STU, as_credit=True)

        async with db.read() as session:
            lots = await ledger.lots_of(session, GUILD, STUDENT, valid_at=TEN + DAY)
            coaches = [await session.get_one(Coach, (GUILD, COACH + number)) for number in range(3)]
            usable = [len(await ledger.usable_for(session, lots, one)) for one in coaches]

        assert usable == [1, 1, 0]


async def test_nobody_gets_a_make_up_for_money_that_goes_back(db: Database) -> None:
    async with till(db) as here:
        async with db.begin() as session:
            (await session.get_one(Guild, GUILD)).most_make_ups = 5
        session_id = await here.paid()
        await transact(db, cancellation.cancel, session_id, CARA, GUILD, "", here.now)

        assert await query(db, make_ups.find, session_id) is None
        assert [one.amount_minor for one in await here.refunds()] == [6000]
        [row] = await fetch_all(db, select(CoachingSession))
        assert row.student.credit_minutes is None
