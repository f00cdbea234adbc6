"""Paying for a seat that the waiting list offered."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models import Guild, Hold, OfferState, Payment, PaymentMode, PaymentPurpose, PaymentStatus, Wish, WishEnd
from models.storage.database import Database
from scheduler.core.errors import TooLate, WorkshopFull
from scheduler.credits import charges
from scheduler.payments import checkouts, starting, ways
from scheduler.waiting_list import answers, wishes
from scheduler.workshops import seats
from tests.support.builders import GUILD, HOUR, MINUTE, STUDENT
from tests.support.credits import a_lot, left
from tests.support.payments import BACK, Till, till
from tests.support.transactions import attempt, fetch_all, transact
from tests.support.waiting_list import WAITING, Line
from tests.support.workshops import STARTS, another_workshop, leave, price, seat_of, take, taken_by

TWO_SEATS: dict[str, Any] = {"seats": 2}
ANN, BOB, EVE = WAITING[0], WAITING[1], WAITING[4]


class Offered(Line):
    """A workshop of which a seat is offered to Ann, with Bob behind her, in a server that takes cards."""

    here: Till
    workshop: int

    async def pay(self, offer_id: int = 1) -> Payment:
        """Press **Pay by card** in the offer, up to the answer."""
        return await self._advance(starting.for_offer, ANN, offer_id, self.now)

    async def pay_at_the_announcement(self) -> Payment:
        """Press **Take a seat**, then pay by card, up to the answer."""
        return await self._advance(starting.for_seat, ANN, self.workshop, self.now, **price())

    async def _advance(self, start: Any, *what: Any, **how: Any) -> Payment:
        mode = {"livemode": self.here.api.livemode, "back_to": BACK}
        async with self.db.begin() as session:
            payment = await start(session, await session.get_one(Guild, GUILD), *what, **mode, **how)
        return await checkouts.advance(self.db, self.here.api, payment.id, self.here.clock)

    async def pass_time(self, after: Any) -> None:
        """Let time pass, at Stripe and in line."""
        await self.here.tick(after)
        await self.tick(after)


@contextlib.asynccontextmanager
async def offered(db: Database, *, tick: bool = True, **terms: Any) -> AsyncIterator[Offered]:
    """Offer a seat of a full workshop to somebody who can pay by card."""
    async with till(db) as here:
        async with db.begin() as session:
            (await session.get_one(Guild, GUILD)).workshop_channel_id = 5
        line = Offered(db)
        line.here, line.workshop = here, await another_workshop(db, now=here.now, **TWO_SEATS | terms)
        await take(db, line.workshop, STUDENT, STUDENT + 1)
        for one in (ANN, BOB):
            await transact(db, wishes.add_for_seat, line.workshop, one, line.now)
        if tick:
            await leave(db, line.workshop, STUDENT, line.now)
            await line.tick()
        yield line


@pytest.mark.parametrize("how", ["pay", "pay_at_the_announcement"])
async def test_a_paid_seat_is_theirs_and_ends_the_wish(db: Database, how: str) -> None:
    async with offered(db) as line:
        payment = await getattr(line, how)()
        assert [one.state for one in await line.offers()] == [OfferState.PAYING]
        assert isinstance(await attempt(db, seats.take, line.workshop, EVE, line.now), WorkshopFull)
        line.here.server.pay(payment.checkout_id)

        await line.pass_time(MINUTE)

        [paid] = await line.here.payments()
        assert (paid.purpose, paid.status, paid.session_id) == (
            PaymentPurpose.SEAT,
            PaymentStatus.PAID,
            line.workshop,
        )
        assert ANN.user_id in await taken_by(db, line.workshop)
        assert [one.state for one in await line.offers()] == [OfferState.TAKEN]
        wish = (await fetch_all(db, select(Wish).where(Wish.user_id == ANN.user_id)))[0]
        assert wish.end_reason is WishEnd.BOOKED
        assert await line.freed() == await fetch_all(db, select(Hold)) == []


async def test_an_unpaid_seat_counts_as_passed_and_goes_to_the_next(db: Database) -> None:
    async with offered(db) as line:
        await line.pay()

        await line.pass_time(33 * MINUTE)

        assert [(one.user_id, one.state) for one in await line.offers()] == [
            (ANN.user_id, OfferState.PASSED),
            (BOB.user_id, OfferState.OPEN),
        ]
        assert isinstance(await attempt(db, seats.take, line.workshop, EVE, line.now), WorkshopFull)


async def test_paying_twice_for_an_offer_is_one_payment(db: Database) -> None:
    async with offered(db) as line:
        assert (await line.pay()).id == (await line.pay()).id


async def test_an_offer_of_a_seat_that_is_over_is_not_paid_for(db: Database) -> None:
    async with offered(db) as line:
        await transact(db, answers.decline, 1, ANN, line.now)

        with pytest.raises(TooLate):
            await line.pay()
        assert await line.here.payments() == []


async def test_an_offered_seat_can_be_paid_for_with_credit(db: Database) -> None:
    async with offered(db, takes_credit=True) as line:
        async with db.begin() as session:
            await a_lot(session, 60, user_id=ANN.user_id)

        await transact(db, charges.take_offer, 1, ANN, line.now)

        seat = await seat_of(db, line.workshop, ANN.user_id)
        assert (seat.credit_minutes, seat.total_cost_minor) == (60, 0)
        assert await left(db) == [0]
        assert [one.state for one in await line.offers()] == [OfferState.TAKEN]


async def test_a_seat_is_not_offered_to_who_cannot_pay_in_time(db: Database) -> None:
    async with offered(db, tick=False, takes_credit=True) as line:
        async with db.begin() as session:
            (await session.get_one(Guild, GUILD)).payment_mode = PaymentMode.REQUIRED
            await a_lot(session, 60, user_id=BOB.user_id)
        line.can_pay = partial(ways.can_pay, line.here.api)
        line.clock.now = STARTS - HOUR / 2

        await leave(db, line.workshop, STUDENT, line.now)
        await line.tick()

        assert await line.open_to() == [BOB.user_id]
