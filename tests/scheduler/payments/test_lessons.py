"""Paying for weekly lessons by card: they're booked already, and what's paid for nothing goes back."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from models import (
    CoachingSession,
    CreditLot,
    Guild,
    Lesson,
    Payment,
    PaymentStatus,
    RefundReason,
    SeriesPayment,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable, NotFound
from scheduler.core.task_pool import TaskPool
from scheduler.credits import lessons
from scheduler.payments import checkouts, starting
from tests.support.bookings import STU
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_session
from tests.support.payments import BACK, Till, till
from tests.support.series import a_series
from tests.support.transactions import fetch_all

FIRST = MONDAY + 14 * DAY + 2 * HOUR
"""The first lesson, in two weeks."""


class Lessons(Till):
    """A server that takes cards, with weekly lessons that are paid by card."""

    async def row(self) -> CoachingSession:
        """Return the first lesson."""
        of_lesson = select(CoachingSession).join(Lesson, Lesson.session_id == CoachingSession.id)
        return (await fetch_all(self.db, of_lesson.order_by(CoachingSession.starts_at)))[0]

    async def press(self, actor: Actor = STU, *, session_id: int | None = None, agreed: int = 6000) -> Payment:
        """Press Pay, up to the answer."""
        lesson_id = session_id or (await self.row()).id
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            price = {"agreed_minor": agreed, "agreed_currency": "USD"}
            payment = await starting.for_lesson(
                session, guild, actor, lesson_id, self.now, livemode=self.api.livemode, **price, back_to=BACK
            )
        return await checkouts.advance(self.db, self.api, payment.id, self.clock)

    async def look(self) -> None:
        """See to what's due for lessons."""
        pool = TaskPool[bool](wait_for_slow=True)
        assert not await lessons.do_due(self.db, self.clock, pool, has_cards=True)


@contextlib.asynccontextmanager
async def weekly(db: Database) -> AsyncIterator[Lessons]:
    """Open a server with lessons on Mondays at ten, a week before the first."""
    async with till(db) as opened:
        async with db.begin() as session:
            await a_series(session, first_day=FIRST.date(), pays_with=SeriesPayment.CARD)
        box = Lessons(opened.db, opened.server, opened.api, FIRST - 7 * DAY)
        opened.server.now = box.clock
        yield box


async def test_a_paid_lesson_takes_place_and_stays_the_same_session(db: Database) -> None:
    async with weekly(db) as box:
        before = await box.row()
        await box.look()
        box.server.pay((await box.press()).checkout_id)
        await box.tick()
        box.now = FIRST - DAY
        await box.look()

        after, [payment] = await box.row(), await box.payments()
        assert (after.id, after.status) == (before.id, SessionStatus.SCHEDULED)
        assert (payment.status, payment.session_id) == (PaymentStatus.PAID, before.id)
        assert payment.amount_minor == after.student.total_cost_minor == 6000


async def test_pressing_twice_asks_for_one_payment(db: Database) -> None:
    async with weekly(db) as box:
        first, second = await box.press(), await box.press()

        assert first.id == second.id


async def test_what_is_paid_already_cannot_be_paid_again(db: Database) -> None:
    async with weekly(db) as box:
        box.server.pay((await box.press()).checkout_id)
        await box.tick()

        with pytest.raises(AlreadyDecided, match="nothing to pay"):
            await box.press()


async def test_a_timely_cancellation_gives_the_money_back(db: Database) -> None:
    async with weekly(db) as box:
        box.server.pay((await box.press()).checkout_id)
        await box.tick()
        async with db.begin() as session:
            await cancellation.cancel(session, (await box.row()).id, STU, GUILD, "", box.now)
        await box.tick()

        [refund] = await box.refunds()
        assert (refund.reason, refund.amount_minor) == (RefundReason.CANCELLED, 6000)


async def test_who_pays_after_it_was_cancelled_gets_all_of_it_back(db: Database) -> None:
    async with weekly(db) as box:
        payment = await box.press()
        async with db.begin() as session:
            await cancellation.cancel(session, (await box.row()).id, Actor(COACH), GUILD, "Ill.", box.now)
        box.server.pay(payment.checkout_id)
        await box.tick()

        [refund], [paid] = await box.refunds(), await box.payments()
        assert refund.reason is RefundReason.LOST
        assert (paid.status, paid.session_id) == (PaymentStatus.PAID, None)


async def test_a_page_that_nobody_pays_leaves_the_lesson_as_it_is(db: Database) -> None:
    async with weekly(db) as box:
        await box.press()
        await box.tick(after=40 * MINUTE)

        [payment] = await box.payments()
        assert payment.status is PaymentStatus.EXPIRED
        assert (await box.row()).status is SessionStatus.SCHEDULED
        assert await box.refunds() == []


async def test_a_lesson_of_somebody_else_and_a_session_of_ones_own_are_no_lessons_to_pay(db: Database) -> None:
    async with weekly(db) as box:
        async with db.begin() as session:
            single = await a_session(session, starts_at=FIRST + 2 * HOUR)

        for actor, session_id in ((Actor(STUDENT + 1), None), (Actor(COACH), None), (STU, single.id)):
            with pytest.raises(NotFound, match="no such lesson"):
                await box.press(actor, session_id=session_id)


async def test_another_price_than_was_shown_is_refused(db: Database) -> None:
    async with weekly(db) as box:
        with pytest.raises(NotBookable, match="price of this lesson has changed"):
            await box.press(agreed=5000)


async def test_it_is_too_late_forty_minutes_before(db: Database) -> None:
    async with weekly(db) as box:
        box.now = FIRST - 39 * MINUTE

        with pytest.raises(NotBookable, match="starts too soon"):
            await box.press()


async def test_money_can_be_kept_as_credit_when_the_coach_cancels(db: Database) -> None:
    async with weekly(db) as box:
        box.server.pay((await box.press()).checkout_id)
        await box.tick()
        async with db.begin() as session:
            await cancellation.cancel(session, (await box.row()).id, Actor(COACH), GUILD, "Ill.", box.now)

        [refund] = await box.refunds()
        assert refund.next_try_at == box.now + DAY
        assert await fetch_all(db, select(CreditLot)) == []
