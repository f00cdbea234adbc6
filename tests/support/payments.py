"""Paying at a Stripe on this machine, in the domain alone."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.stripe_api.client import StripeApi
from models import Guild, Payment, PaymentMode, Refund
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.payments import checkouts, due, starting
from tests.support.bookings import STU, TEN
from tests.support.builders import COACH, GUILD, HOUR, MONDAY, a_server_with_a_coach
from tests.support.stripe_server import StripeServer, stripe_server
from tests.support.transactions import fetch_all

BACK = "https://discord.com/channels/1/2"


@dataclass
class Till:
    """A server that takes cards, its Stripe account, and the time."""

    db: Database
    server: StripeServer
    api: StripeApi
    now: datetime = MONDAY

    def clock(self) -> datetime:
        """Return the time."""
        return self.now

    async def start(
        self,
        actor: Actor = STU,
        starts_at: datetime = TEN,
        *,
        duration: timedelta = HOUR,
        agreed: int = 6000,
        currency: str = "USD",
    ) -> Payment:
        """Press Pay, up to the answer."""
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            payment = await starting.for_session(
                session,
                guild,
                actor,
                COACH,
                starts_at,
                duration,
                "The bridge.",
                self.now,
                livemode=self.api.livemode,
                agreed_minor=agreed,
                agreed_currency=currency,
                back_to=BACK,
            )
        return await checkouts.advance(self.db, self.api, payment.id, self.clock)

    async def paid(self, actor: Actor = STU, starts_at: datetime = TEN) -> int:
        """Pay for a session, and return its id."""
        self.server.pay((await self.start(actor, starts_at)).checkout_id)
        await self.tick()
        booked = (await self.payments())[-1].session_id
        assert booked is not None
        return booked

    async def tick(self, after: timedelta = timedelta(seconds=60)) -> int:
        """Let time pass, and do what's due at Stripe."""
        self.now += after
        return await due.do_due(self.db, self.api, self.clock, TaskPool(wait_for_slow=True))

    async def payments(self) -> list[Payment]:
        """Return all payments."""
        return await fetch_all(self.db, select(Payment).order_by(Payment.id))

    async def refunds(self) -> list[Refund]:
        """Return all refunds."""
        return await fetch_all(self.db, select(Refund).order_by(Refund.id))


@contextlib.asynccontextmanager
async def till(db: Database, **coach: object) -> AsyncIterator[Till]:
    """Open a server that takes cards."""
    await a_server_with_a_coach(db, guild={"payment_mode": PaymentMode.OPTIONAL}, **coach)
    async with stripe_server() as server, contextlib.aclosing(StripeApi(server.key, base=server.url)) as api:
        opened = Till(db, server, api)
        server.now = opened.clock
        yield opened
