"""What admins are alerted about: refunds that fail, wrong payments, and what happened in Stripe's dashboard."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import select

from models import Alert, Heartbeat, Payment, PaymentStatus, RefundReason, RefundStatus
from models.storage.database import Database
from scheduler.loop.loop import Loop
from scheduler.payments import elsewhere, refunds
from tests.support.builders import DAY, HOUR
from tests.support.fakes import FakeDiscord
from tests.support.payments import Till, till
from tests.support.stripe_server import Fault
from tests.support.transactions import fetch_all


async def open_alerts(db: Database) -> list[str]:
    return await fetch_all(db, select(Alert.text).where(Alert.fixed_at.is_(None)).order_by(Alert.id))


async def look(here: Till, after: timedelta = DAY) -> None:
    here.now += after
    await elsewhere.look_if_due(here.db, here.api, here.clock)


async def owe(here: Till) -> None:
    """Owe back what was paid."""
    async with here.db.begin() as session:
        [payment] = await session.scalars(select(Payment))
        refunds.owe(session, payment, RefundReason.ADMIN, here.now)


async def test_a_refund_that_stripe_refuses_is_told_until_it_is_paid_back_by_hand(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        here.server.refund_in_dashboard("pi_2", 100)
        await owe(here)
        await here.tick()

        [refund], [told] = await here.refunds(), await open_alerts(db)
        assert refund.status is RefundStatus.FAILED
        assert told.startswith("I couldn't pay $60.00 (TEST: no money moves) back to <@")
        assert "It has been refunded" in told

        here.server.refund_in_dashboard("pi_2", 5900)
        await look(here)

        [refund] = await here.refunds()
        assert (refund.status, await open_alerts(db)) == (RefundStatus.DONE, [])


async def test_a_refund_that_a_bank_sends_back_later_is_told(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        await owe(here)
        await here.tick()
        await look(here)
        await look(here, 9 * DAY)
        assert await open_alerts(db) == []
        [made] = here.server.refunds.values()
        made["status"] = "failed"

        await look(here)

        [refund], [told] = await here.refunds(), await open_alerts(db)
        assert (refund.status, refund.last_error) == (RefundStatus.FAILED, "the bank didn't take it")
        assert "the bank didn't take it. Refund it in Stripe's dashboard" in told


@pytest.mark.parametrize(
    "wrong", [{"amount_total": 60}, {"currency": "eur"}, {"livemode": True}], ids=lambda one: next(iter(one))
)
async def test_a_payment_that_is_not_what_was_asked_for_is_told(db: Database, wrong: dict[str, object]) -> None:
    async with till(db) as here:
        payment = await here.start()
        here.server.pay(payment.checkout_id)
        here.server.checkouts["cs_1"] |= wrong
        await here.tick()

        [refused], [told] = await here.payments(), await open_alerts(db)
        assert (refused.status, refused.session_id) == (PaymentStatus.REFUSED, None)
        assert f"I didn't accept the payment `{payment.code}`" in told
        assert "It was paid, so refund it in Stripe's dashboard" in told


async def test_a_refund_in_the_dashboard_is_recorded_and_told_once(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        here.server.refund_in_dashboard("pi_2", 2000)
        at = here.now

        await look(here)
        await look(here)

        [payment], [told] = await here.payments(), await open_alerts(db)
        assert (payment.refunded_elsewhere_minor, payment.refunded_elsewhere_at) == (2000, at)
        assert told.startswith("$20.00 of $60.00 (TEST: no money moves) was paid back to <@")
        assert "the session it paid for is still booked" in told


async def test_our_own_refunds_are_no_news(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        await owe(here)
        await here.tick()

        await look(here)

        [payment] = await here.payments()
        assert (payment.refunded_elsewhere_minor, await open_alerts(db)) == (0, [])


async def test_a_dispute_is_told_and_is_over_after_two_weeks(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        here.server.dispute("pi_2")

        await look(here)

        [payment], [told] = await here.payments(), await open_alerts(db)
        assert payment.disputed_at is not None
        assert "disputes their payment" in told
        await look(here, 15 * DAY)
        assert await open_alerts(db) == []


async def test_stripe_is_looked_at_once_a_day_and_again_after_a_failure(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with till(db) as here:
        await look(here, HOUR / 2)
        assert here.server.count("GET", "/disputes") == 0
        await here.paid()
        here.server.fail("GET", "/disputes", Fault.BEFORE_500)

        await look(here, HOUR)
        assert caplog.messages == [
            "couldn't look for refunds and disputes at Stripe: Stripe is busy or failing (HTTP 500)"
        ]
        await look(here, HOUR)
        await look(here, 23 * HOUR)
        assert here.server.count("GET", "/disputes") == 2
        await look(here, HOUR)
        assert here.server.count("GET", "/disputes") == 3


async def test_the_loop_looks(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        loop = Loop(db, FakeDiscord(), here.clock, DAY, stripe=here.api)

        await loop._sweep_if_due()

        assert await fetch_all(db, select(Heartbeat.at).where(Heartbeat.job == elsewhere.LOOK)) == [here.now]
