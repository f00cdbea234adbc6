"""Paying for seats at a Stripe on this machine, in the domain alone."""

from typing import Any

from sqlalchemy import select

from models import Payment, Refund
from scheduler.core.actor import Actor
from scheduler.payments import checkouts, starting
from scheduler.workshops import workshops
from tests.support.builders import GUILD, STUDENT
from tests.support.payments import BACK, Till
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import another_workshop, price

ONE = STUDENT


class Box:
    """A workshop's till."""

    def __init__(self, here: Till, workshop: int) -> None:
        self.here, self.db, self.workshop = here, here.db, workshop

    async def start(self, user_id: int = ONE) -> Payment:
        """Press Pay, up to the answer."""
        payment = await transact(self.db, self.begin, user_id)
        return await checkouts.advance(self.db, self.here.api, payment.id, self.here.clock)

    async def begin(self, session: Any, user_id: int = ONE) -> Payment:
        guild = await session.get_one(workshops.Guild, GUILD)
        mode = {"livemode": self.here.api.livemode, "back_to": BACK}
        return await starting.for_seat(
            session, guild, Actor(user_id), self.workshop, self.here.now, **mode, **price()
        )

    async def pay(self, user_id: int = ONE) -> Payment:
        """Pay, and have it noticed."""
        payment = await self.start(user_id)
        self.here.server.pay(payment.checkout_id)
        return await checkouts.advance(self.db, self.here.api, payment.id, self.here.clock)

    async def refunds(self) -> list[tuple[str, int]]:
        return [
            (one.reason, one.amount_minor) for one in await fetch_all(self.db, select(Refund).order_by(Refund.id))
        ]


async def a_box(here: Till, **changed: Any) -> Box:
    async with here.db.begin() as session:
        guild = await session.get_one(workshops.Guild, GUILD)
        guild.workshop_channel_id, guild.cancel_notice_minutes = 5, 24 * 60
    return Box(here, await another_workshop(here.db, now=here.now, **changed))
