"""A price that cards can't be charged is refused where it's set. What's charged is what was shown and stored."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, Guild, PaymentMode
from models.storage.database import Database
from scheduler.availability import booking_policy, schedule
from scheduler.booking import cancellation
from scheduler.coaches import applications, currencies, profiles
from scheduler.coaches.applications import ProfileInput
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, Unreadable, WrongFields
from scheduler.credits import packages
from scheduler.parsing.card_amounts import from_stripe
from scheduler.payments import overview
from scheduler.reports import health, odd_prices
from tests.support.bookings import CARA, STU, TEN
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    MINUTE,
    MONDAY,
    a_coach,
    a_server_with_a_coach,
    an_application,
)
from tests.support.payments import till
from tests.support.transactions import attempt, fetch, fetch_all, transact

CARDS = {"payment_mode": PaymentMode.OPTIONAL}


async def edit(session: AsyncSession, rate: str = "0.50") -> None:
    written = ProfileInput("Cara", "I mix.", "Ten years.", ["Mixing"], rate)
    await profiles.edit(session, GUILD, CARA, written, MONDAY)


async def apply(session: AsyncSession) -> None:
    guild = await session.get_one(Guild, GUILD)
    await applications.apply(session, guild, Actor(4000), an_application(rate="0.50"), MONDAY)


async def set_rate(session: AsyncSession) -> None:
    await session.execute(update(Coach).values(currency="EUR"))
    guild = await session.get_one(Guild, GUILD)
    await currencies.set_rate(session, guild, ADMIN, COACH, "0.50", MONDAY)


async def offer_5_minutes(session: AsyncSession) -> None:
    coach = await session.get_one(Coach, (GUILD, COACH))
    coach.rate_minor = 500
    rules = booking_policy.rules_of(coach)
    await schedule.set_rules(session, GUILD, CARA, replace(rules, durations_minutes=(60, 5)), MONDAY)


async def save_package(session: AsyncSession) -> None:
    guild = await session.get_one(Guild, GUILD)
    await packages.save(session, guild, ADMIN, packages.PackageTerms("One", 60, 49, "USD"), MONDAY)


WAYS = [edit, apply, set_rate, offer_5_minutes, save_package]


@pytest.mark.parametrize("use_case", WAYS)
async def test_what_cards_cannot_be_charged_is_refused_where_it_is_set(db: Database, use_case: type) -> None:
    await a_server_with_a_coach(db, guild=CARDS)

    refused = await attempt(db, use_case)

    assert isinstance(refused, Unreadable | WrongFields)
    assert "Cards can't be charged less than $0.50. Choose a higher price, or make it free." in str(refused)
    assert (await fetch(db, Coach, (GUILD, COACH))).rate_minor == 6000


@pytest.mark.parametrize("use_case", WAYS)
async def test_any_price_can_be_set_where_no_cards_are_taken(db: Database, use_case: type) -> None:
    await a_server_with_a_coach(db)

    assert not isinstance(await attempt(db, use_case), CoachingError)


async def test_a_rate_from_before_cards_were_taken_does_not_stop_other_changes(db: Database) -> None:
    await a_server_with_a_coach(db, guild=CARDS, rate_minor=50)

    await transact(db, edit)
    refused = await attempt(db, edit, "0.51")

    assert "At this rate, 30 minutes cost $0.26. Cards can't be charged less than $0.50." in str(refused)


@pytest.mark.parametrize(
    ("rate", "currency", "minutes", "cost", "at_stripe"),
    [
        (6001, "USD", 30, 3001, 3001),
        (5555, "EUR", 90, 8333, 8333),
        (6001, "JPY", 30, 3001, 3001),
        (6001, "ISK", 30, 3001, 300100),
        (50_001, "UGX", 30, 25_001, 2_500_100),
        (6020, "KWD", 30, 3010, 3010),
        (1001, "HUF", 90, 1502, 150200),
    ],
)
async def test_what_is_charged_is_shown_stored_and_refunded(
    db: Database, rate: int, currency: str, minutes: int, cost: int, at_stripe: int
) -> None:
    async with till(db, rate_minor=rate, currency=currency) as here:
        payment = await here.start(duration=minutes * MINUTE, agreed=cost, currency=currency)
        here.server.pay(payment.checkout_id)
        await here.tick()
        [booked] = await fetch_all(db, select(CoachingSession))
        await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", here.now)
        await here.tick()

        [charged], [refund] = here.server.intents.values(), await here.refunds()
        [made] = here.server.refunds.values()
        assert (charged["amount"], charged["currency"]) == (at_stripe, currency.lower())
        assert (booked.student.total_cost_minor, booked.currency) == (cost, currency)
        assert (payment.amount_minor, refund.amount_minor) == (cost, cost)
        assert made["amount"] == at_stripe
        assert from_stripe(at_stripe, currency) == cost
        assert booked.starts_at == TEN


async def test_what_cards_cannot_be_charged_is_listed_until_it_is_mended(db: Database) -> None:
    await a_server_with_a_coach(db, rate_minor=50)
    await transact(db, a_coach, user_id=COACH + 1)
    await transact(db, a_coach, user_id=COACH + 2, rate_minor=0)
    await transact(db, a_coach, user_id=COACH + 3, rate_minor=5, status=CoachStatus.SUSPENDED)
    await transact(db, a_coach, user_id=COACH + 4, currency="IRR")
    await transact(db, save_package)

    async def odd() -> list[tuple[int | str | None, str]]:
        async with db.read() as session:
            found = await odd_prices.list_odd(session, await session.get_one(Guild, GUILD))
            seen = (await health.inspect_health(session, GUILD, ADMIN, MONDAY)).odd_prices
            assert seen == found
            return [(one.coach_id or one.package, one.why) for one in found]

    assert await odd() == []
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await overview.set_mode(session, guild, ADMIN, PaymentMode.OPTIONAL, MONDAY)
    little = "Cards can't be charged less than $0.50. Choose a higher price, or make it free."
    in_rials = "Cards can't be charged in IRR. Choose another currency."
    found = await odd()
    assert [which for which, _ in found] == [COACH, COACH + 4, "One"]
    assert found[0][1] == f"At this rate, 30 minutes cost $0.25. {little}"
    assert found[1][1].endswith(in_rials)
    assert found[2][1] == little
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).rate_minor = 6000
        (await session.get_one(Coach, (GUILD, COACH + 4))).left_at = MONDAY
        await packages.retire(session, await session.get_one(Guild, GUILD), ADMIN, 1, MONDAY)
    assert await odd() == []
