"""Paying by card for what the waiting list offered."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import select

from models import (
    BlockedFrom,
    Guild,
    Hold,
    HoldPurpose,
    Offer,
    OfferState,
    Payment,
    PaymentMode,
    PaymentStatus,
    RefundStatus,
    Reservation,
)
from models.storage.database import Database
from scheduler.booking import blocks, cancellation
from scheduler.coaches import suspensions
from scheduler.core.actor import Actor
from scheduler.payments import checkouts, starting, ways
from tests.support.bookings import STU, book
from tests.support.builders import ADMIN, COACH, GUILD, HOUR, MINUTE, a_session
from tests.support.credits import a_lot
from tests.support.payments import BACK, Till, till
from tests.support.transactions import fetch, fetch_all, fetch_only, transact
from tests.support.waiting_list import WAITING, WEDNESDAY_TEN, Line

ANN, BOB = WAITING[:2]


@contextlib.asynccontextmanager
async def offered(db: Database) -> AsyncIterator[tuple[Till, Line]]:
    """Offer the only time to Ann, with Bob behind her, in a server that takes cards."""
    async with till(db, hours=[(2, 600, 660)], horizon_days=6) as here:
        async with db.begin() as session:
            booked = await a_session(session, starts_at=WEDNESDAY_TEN)
        line = Line(db)
        for one in (ANN, BOB):
            await line.waits(one)
        await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", line.now)
        await line.tick()
        yield here, line


async def pay(here: Till, actor: Actor = ANN, offer_id: int = 1) -> Payment:
    """Begin to pay by card for an offer."""
    async with here.db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        payment = await starting.for_offer(
            session, guild, actor, offer_id, here.now, livemode=here.api.livemode, back_to=BACK
        )
    return await checkouts.advance(here.db, here.api, payment.id, here.clock)


async def test_a_paid_offer_is_booked_at_the_price_that_was_told(db: Database) -> None:
    async with offered(db) as (here, line):
        payment, again = await pay(here), await pay(here)
        assert payment.id == again.id
        held = await fetch_only(db, select(Hold))
        assert held.purpose is HoldPurpose.PAYMENT
        reserved = await fetch_all(db, select(Reservation.user_id).order_by(Reservation.user_id))
        assert reserved == [COACH, ANN.user_id]
        here.server.pay(payment.checkout_id)
        await here.tick()

        offer = await fetch(db, Offer, 1)
        [paid] = await here.payments()
        assert (offer.state, offer.session_id) == (OfferState.TAKEN, paid.session_id)
        assert paid.status is PaymentStatus.PAID
        assert await line.freed() == []


@pytest.mark.parametrize("minutes", [39, 40])
async def test_whoever_could_only_pay_by_card_is_not_told_when_its_too_late_for_that(
    db: Database, minutes: int
) -> None:
    async with till(db, hours=[(2, 600, 660)], horizon_days=6, minimum_notice_minutes=0) as here:
        async with db.begin() as session:
            booked = await a_session(session, starts_at=WEDNESDAY_TEN)
            (await session.get_one(Guild, GUILD)).payment_mode = PaymentMode.REQUIRED
            await a_lot(session, 60, user_id=BOB.user_id)
        line = Line(db, can_pay=partial(ways.can_pay, here.api))
        for one in (ANN, BOB):
            await line.waits(one)
        line.clock.forward(WEDNESDAY_TEN - minutes * MINUTE - line.now)
        await line.cancel(booked.id, STU)

        await line.tick()

        assert await line.open_to() == [one.user_id for one in (ANN, BOB) if one is BOB or minutes == 40]


async def test_an_unpaid_offer_counts_as_passed(db: Database) -> None:
    async with offered(db) as (here, line):
        payment = await pay(here)
        await checkouts.give_up(here.db, here.api, payment.id, here.clock)
        await line.tick()

        assert [(one.user_id, one.state) for one in await line.offers()] == [
            (ANN.user_id, OfferState.PASSED),
            (BOB.user_id, OfferState.OPEN),
        ]


async def test_an_offer_that_is_being_paid_for_does_not_run_out(db: Database) -> None:
    async with offered(db) as (here, line):
        line.clock.forward(100 * MINUTE)
        here.now = line.now
        payment = await pay(here)
        await line.tick(25 * MINUTE)
        assert (await fetch(db, Offer, 1)).state is OfferState.PAYING

        here.now = line.now
        here.server.pay(payment.checkout_id)
        await here.tick()

        assert (await fetch(db, Offer, 1)).state is OfferState.TAKEN


async def test_nobody_pays_for_an_offer_of_a_suspended_coach(db: Database) -> None:
    async with offered(db) as (here, line):
        payment = await pay(here)
        await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Complaints.", here.now)

        assert (await fetch(db, Offer, 1)).state is OfferState.WITHDRAWN
        await here.tick()
        assert here.server.pay(payment.checkout_id) is False
        assert [one.status for one in await here.payments()] == [PaymentStatus.EXPIRED]
        await line.tick()
        assert await line.open_to() == await fetch_all(db, select(Hold)) == []


async def test_a_blocked_student_who_has_just_paid_gets_it_back_and_the_next_person_the_time(db: Database) -> None:
    async with offered(db) as (here, line):
        payment = await pay(here)
        await transact(db, blocks.block, GUILD, ANN.user_id, ADMIN, (BlockedFrom.BOOKING,), "", here.now)
        here.server.pay(payment.checkout_id)
        await here.tick()
        await here.tick()
        await line.tick()

        assert [one.status for one in await here.refunds()] == [RefundStatus.DONE]
        assert [(one.user_id, one.state) for one in await line.offers()] == [
            (ANN.user_id, OfferState.WITHDRAWN),
            (BOB.user_id, OfferState.OPEN),
        ]


async def test_an_offer_whose_hold_ran_out_ends_with_its_payment(db: Database) -> None:
    async with offered(db) as (here, _):
        await pay(here)
        here.now += HOUR + MINUTE
        await transact(db, book, BOB, WEDNESDAY_TEN, now=here.now)
        assert (await fetch(db, Offer, 1)).state is OfferState.PAYING

        await here.tick()

        assert (await fetch(db, Offer, 1)).state is OfferState.PASSED
