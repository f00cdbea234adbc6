"""Packages paid by card: what is sold to whom, and what goes back with the money."""

from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    BlockedFrom,
    CoachingSession,
    CreditLot,
    Guild,
    NotificationKind,
    Package,
    Payment,
    PaymentStatus,
)
from models.storage.database import Database
from scheduler.booking import blocks
from scheduler.core.errors import Blocked, NotBookable, NotFound, Unreadable
from scheduler.credits import packages
from scheduler.credits.packages import PackageTerms
from scheduler.payments import checkouts, refunds, starting
from tests.support.bookings import SAM, STU
from tests.support.builders import ADMIN, GUILD, MONDAY, refusal
from tests.support.credits import book_with_credit, entries, left
from tests.support.payments import BACK, Till, till
from tests.support.stored import enqueued
from tests.support.transactions import fetch_all, transact

TERMS = PackageTerms("Five hours", 300, 25000, "USD")


async def offer(session: AsyncSession, terms: PackageTerms = TERMS, *, package_id: int | None = None) -> Package:
    guild = await session.get_one(Guild, GUILD)
    return await packages.save(session, guild, ADMIN, terms, MONDAY, package_id=package_id)


async def begin(
    session: AsyncSession, package_id: int = 1, *, minor: int = 25000, currency: str = "USD"
) -> Payment:
    guild = await session.get_one(Guild, GUILD)
    return await starting.for_package(
        session,
        guild,
        STU,
        package_id,
        MONDAY,
        livemode=False,
        agreed_minor=minor,
        agreed_currency=currency,
        back_to=BACK,
    )


async def start(here: Till) -> Payment:
    begun = await transact(here.db, begin)
    return await checkouts.advance(here.db, here.api, begun.id, here.clock)


async def block(session: AsyncSession, who: int = STU.user_id) -> None:
    await blocks.block(session, GUILD, who, ADMIN, [BlockedFrom.BOOKING], "Spam.", MONDAY)


@pytest.mark.parametrize("wrong", [{"minor": 24999}, {"currency": "EUR"}], ids=["price", "currency"])
async def test_a_package_is_sold_only_at_the_price_that_was_shown(db: Database, wrong: dict[str, str]) -> None:
    async with till(db):
        await transact(db, offer)

        refused = await refusal(db, NotBookable, partial(begin, **wrong))

        assert str(refused).startswith("The price of this package has changed.")


async def test_a_free_package_is_not_sold_by_card(db: Database) -> None:
    async with till(db) as here:
        await transact(db, offer, PackageTerms("First hour", 60, 0, "USD"))

        refused = await refusal(db, NotBookable, partial(begin, minor=0))

        assert str(refused).startswith("This package is free.")
        assert here.server.requests == []


async def test_what_cards_cannot_be_charged_is_not_sold(db: Database) -> None:
    async with till(db):
        async with db.begin() as session:
            session.add(
                Package(
                    guild_id=GUILD,
                    created_at=MONDAY,
                    name="A",
                    minutes=1,
                    price_minor=49,
                    currency="USD",
                    days_valid=1,
                )
            )

        await refusal(db, Unreadable, partial(begin, minor=49))


async def test_nothing_is_sold_to_a_blocked_person(db: Database) -> None:
    async with till(db):
        await transact(db, offer)
        await transact(db, block)

        await refusal(db, Blocked, begin)


async def test_a_block_closes_the_page_of_its_person_only(db: Database) -> None:
    async with till(db) as here:
        await transact(db, offer)
        await start(here)
        await transact(db, block, SAM.user_id)
        await here.tick()
        assert [one.status for one in await here.payments()] == [PaymentStatus.OPEN]
        await transact(db, block)
        await here.tick()

        assert [one.status for one in await here.payments()] == [PaymentStatus.EXPIRED]
        assert here.server.pay("cs_1") is False
        assert await enqueued(db) == [(NotificationKind.PAYMENT_EXPIRED, STU.user_id)]


async def test_what_was_paid_after_a_block_goes_back_and_no_coach_is_told(db: Database) -> None:
    async with till(db) as here:
        await transact(db, offer)
        await start(here)
        await transact(db, block)
        here.server.pay("cs_1")
        await here.tick()
        await here.tick()

        assert [one["amount"] for one in here.server.refunds.values()] == [25000]
        assert await fetch_all(db, select(CreditLot)) == []
        assert await enqueued(db) == [
            (NotificationKind.PAYMENT_TOO_LATE, STU.user_id),
            (NotificationKind.REFUNDED, STU.user_id),
        ]


async def test_a_package_that_is_changed_while_it_is_paid_for_keeps_its_terms(db: Database) -> None:
    async with till(db) as here:
        await transact(db, offer)
        await start(here)
        await transact(db, offer, PackageTerms("Five hours", 240, 30000, "USD"), package_id=1)
        await refusal(db, NotFound, begin)
        here.server.pay("cs_1")
        await here.tick()

        [lot] = await fetch_all(db, select(CreditLot))
        assert (lot.minutes_left, lot.paid_minor, lot.currency) == (300, 25000, "USD")


async def test_a_refunded_package_takes_back_what_is_left_and_keeps_what_is_booked(db: Database) -> None:
    async with till(db) as here:
        await transact(db, offer)
        await start(here)
        here.server.pay("cs_1")
        await here.tick()
        booked = await transact(db, book_with_credit)
        await transact(db, refunds.pay_back, GUILD, 1, ADMIN, here.now)

        assert await left(db) == [0]
        assert await entries(db) == [(1, "granted", 300), (1, "reserved", -60), (1, "revoked", -240)]
        assert [one.status for one in await fetch_all(db, select(CoachingSession))] == [booked.status]
