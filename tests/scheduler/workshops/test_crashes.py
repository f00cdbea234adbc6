"""The process dies at each step of paying for a seat and giving it back. What's due then does the rest, once."""

from typing import Any, cast

import pytest
from sqlalchemy import select

from models import UNDECIDED, Participant, ParticipantStatus, Payment, PaymentStatus, Refund, RefundStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.payments import checkouts
from scheduler.workshops import seats
from tests.support.builders import MINUTE, STUDENT
from tests.support.mortal import Died, Doom, MortalDatabase, MortalStripe
from tests.support.payments import till
from tests.support.seat_payments import Box, a_box
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import free, taken_by

pytestmark = pytest.mark.slow

MOST_STEPS = 40
"""More than this story has."""


class Life:
    """Somebody who pays for a seat and gives it back, in a process that dies somewhere."""

    def __init__(self, box: Box, number: int) -> None:
        self.box, self.here, self.who = box, box.here, STUDENT + 100 + number

    async def payments(self) -> list[Payment]:
        return await fetch_all(self.here.db, select(Payment).where(Payment.user_id == self.who))

    async def pay(self) -> None:
        for one in await self.payments():
            if one.url is not None and one.status in UNDECIDED:
                self.here.server.pay(one.checkout_id)

    async def leave(self) -> None:
        theirs = Participant.user_id == self.who, Participant.status == ParticipantStatus.BOOKED
        if await fetch_all(self.here.db, select(Participant).where(*theirs)):
            await transact(self.here.db, seats.leave, self.box.workshop, Actor(self.who), self.here.now)

    async def story(self) -> None:
        """Begin to pay for a seat, pay, and give it back."""
        await self.box.start(self.who)
        await self.pay()
        for one in await self.payments():
            await checkouts.advance(self.here.db, self.here.api, one.id, self.here.clock)
        await self.leave()
        await self.here.tick()

    async def rest(self) -> None:
        """Let a new process do what's due, and the person the rest."""
        if not await self.payments():  # it died before anything was stored
            await self.box.start(self.who)
        for _ in range(4):
            await self.pay()
            await self.here.tick(MINUTE)
        await self.leave()
        for _ in range(4):
            await self.here.tick(MINUTE)


async def test_a_seat_is_given_and_charged_once_and_paid_back_once(db: Database) -> None:
    async with till(db) as here:
        box, doom = await a_box(here, seats=50), Doom()
        box.db = here.db = cast("Any", MortalDatabase(db, doom))
        here.api = cast("Any", MortalStripe(here.api, doom))
        number = 0
        for number in range(MOST_STEPS):
            life, doom.left = Life(box, number), number
            died = False
            try:
                await life.story()
            except Died:
                died = True
            doom.left = None

            await life.rest()

            [payment] = await life.payments()
            assert payment.status is PaymentStatus.PAID
            [charged] = [
                one["payment_intent"]
                for one in here.server.checkouts.values()
                if one["client_reference_id"] == payment.code
            ]
            back = [one["amount"] for one in here.server.refunds.values() if one["payment_intent"] == charged]
            assert back == [2000]
            [refund] = await fetch_all(db, select(Refund).where(Refund.payment_id == payment.id))
            assert refund.status is RefundStatus.DONE
            assert set(await taken_by(db, box.workshop)) == {None}
            assert await free(db, box.workshop, here.now) == 50
            if not died:
                break

    assert number > 15
