"""Paying for a session: one booking for one charge, or the time and the money back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import CoachingSession, Hold, PaymentStatus, RefundReason, RefundStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core import members
from scheduler.core.errors import NotBookable, SlotTaken
from scheduler.payments import checkouts
from tests.support.bookings import CARA, SAM, STU, TEN, book
from tests.support.builders import GUILD, HOUR, MINUTE
from tests.support.payments import till
from tests.support.stripe_server import Fault
from tests.support.transactions import fetch_all, transact

SECOND = timedelta(seconds=1)


async def test_a_paid_session_is_booked_once_with_its_receipt(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        again = await here.start()
        here.server.pay(payment.checkout_id)
        await here.tick()
        await here.tick()

        [paid], [booked] = await here.payments(), await fetch_all(db, select(CoachingSession))
        assert (payment.id, payment.url) == (again.id, "https://checkout.example/1")
        assert (paid.status, paid.session_id, paid.receipt_url) == (
            "paid",
            booked.id,
            "https://receipts.example/2",
        )
        assert (booked.student.total_cost_minor, booked.currency, booked.student.notes) == (
            6000,
            "USD",
            "The bridge.",
        )
        assert await fetch_all(db, select(Hold)) == []


async def test_the_page_says_what_and_when_on_the_clock_of_whoever_pays(db: Database) -> None:
    async with till(db) as here:
        await transact(db, members.set_zone, STU.user_id, "America/New_York")
        await here.start()

        [[item]] = [one["line_items"] for one in here.server.checkouts.values()]
        assert item["price_data"]["product_data"] == {
            "name": "60 minutes of coaching with Cara",
            "description": "Monday 2 March 2026, 05:00–06:00 (America/New_York)",
        }


async def test_the_time_is_held_while_somebody_pays(db: Database) -> None:
    async with till(db) as here:
        await here.start()

        async with db.begin() as session:
            with pytest.raises(SlotTaken):
                await book(session, SAM, now=here.now + 59 * MINUTE)


async def test_what_is_not_paid_in_time_is_free_again(db: Database) -> None:
    async with till(db) as here:
        await here.start()
        await here.tick(33 * MINUTE)

        [payment] = await here.payments()
        assert payment.status is PaymentStatus.EXPIRED
        await transact(db, book, SAM, now=here.now)


async def test_going_back_frees_the_time_unless_it_was_just_paid(db: Database) -> None:
    async with till(db) as here:
        first = await here.start()
        closed = await checkouts.give_up(db, here.api, first.id, here.clock)
        second = await here.start()
        here.server.pay(second.checkout_id)
        booked = await checkouts.give_up(db, here.api, second.id, here.clock)

        assert (closed.status, booked.status) == (PaymentStatus.EXPIRED, PaymentStatus.PAID)
        assert booked.session_id is not None


async def test_what_is_paid_after_the_time_was_lost_goes_back(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        here.server.pay(payment.checkout_id)
        here.server.fail("GET", "/checkout/sessions/*", Fault.BEFORE_500, times=100)
        await here.tick(61 * MINUTE)
        await transact(db, book, SAM, now=here.now)
        here.server.heal()
        await here.tick(10 * MINUTE)
        await here.tick()

        [paid], [refund] = await here.payments(), await here.refunds()
        assert (paid.status, paid.session_id) == (PaymentStatus.PAID, None)
        assert (refund.status, refund.reason, refund.amount_minor) == (RefundStatus.DONE, RefundReason.LOST, 6000)
        assert [one["amount"] for one in here.server.refunds.values()] == [6000]


@pytest.mark.parametrize("fault", [one for one in Fault if one is not Fault.AFTER_500])
async def test_a_failing_stripe_charges_and_books_once(db: Database, fault: Fault) -> None:
    async with till(db) as here:
        here.server.fail("POST", "/checkout/sessions", fault)
        payment = await here.start()
        await here.tick(20 * SECOND)
        [payment] = await here.payments()
        here.server.fail("GET", "*", fault)
        here.server.pay(payment.checkout_id)
        await here.tick(20 * SECOND)
        await here.tick(MINUTE)

        assert len(here.server.checkouts) == 1
        assert len(await fetch_all(db, select(CoachingSession))) == 1


@pytest.mark.parametrize("fault", [one for one in Fault if one is not Fault.AFTER_500])
async def test_a_cancelled_session_is_refunded_once(db: Database, fault: Fault) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        here.server.fail("POST", "/refunds", fault)
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        for _ in range(3):
            await here.tick()

        [refund] = await here.refunds()
        assert refund.status is RefundStatus.DONE
        assert len(here.server.refunds) == 1


async def test_a_late_cancellation_is_not_refunded(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", TEN)

        assert await here.refunds() == []


async def test_a_coachs_cancellation_is_refunded(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        await transact(db, cancellation.cancel, session_id, CARA, GUILD, "Ill.", TEN - MINUTE)

        assert [one.reason for one in await here.refunds()] == [RefundReason.CANCELLED]


async def test_nobody_begins_to_pay_too_late_or_at_another_price(db: Database) -> None:
    async with till(db) as here:
        with pytest.raises(NotBookable, match="changed the price"):
            await here.start(agreed=5000)
        here.now = TEN - 40 * MINUTE + SECOND
        with pytest.raises(NotBookable, match="too soon to pay by card"):
            await here.start()
        here.now -= SECOND
        await here.start()


async def test_nothing_is_paid_for_a_free_session(db: Database) -> None:
    async with till(db, rate_minor=0) as here:
        with pytest.raises(NotBookable, match="This session is free"):
            await here.start(agreed=0)

        assert (await fetch_all(db, select(Hold)), here.server.requests) == ([], [])


async def test_nobody_keeps_more_than_three_payments_open(db: Database) -> None:
    async with till(db) as here:
        for hours in range(3):
            await here.start(starts_at=TEN + hours * HOUR)

        with pytest.raises(NotBookable, match="3 open payments"):
            await here.start(starts_at=TEN + 3 * HOUR)
