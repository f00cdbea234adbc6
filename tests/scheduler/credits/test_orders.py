"""Orders of packages that are paid outside, and packages whose terms never change."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Coach, CoachStatus, CreditLot, Guild, NotificationKind, Package, PackageOrder
from models.storage.database import Database
from scheduler.booking import blocks
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, Blocked, CoachingError, NotAllowed, NotFound, TooLate, Unreadable
from scheduler.credits import orders, packages
from scheduler.credits.packages import PackageTerms
from tests.support.bookings import CARA, STU
from tests.support.builders import ADMIN, COACH, GUILD, MONDAY, STUDENT, a_guild, a_server_with_a_coach, refusal
from tests.support.credits import left
from tests.support.stored import enqueued
from tests.support.transactions import attempt, fetch, fetch_all, fetch_only, query, transact

FIVE = PackageTerms("Five lessons", 300, 25000, "USD")


async def offer(
    session: AsyncSession, terms: PackageTerms = FIVE, package_id: int | None = None, guild_id: int = GUILD
) -> Package:
    guild = await session.get_one(Guild, guild_id)
    return await packages.save(session, guild, ADMIN, terms, MONDAY, package_id=package_id)


async def place(session: AsyncSession, package_id: int, actor: Actor = STU) -> PackageOrder:
    return await orders.place(session, await session.get_one(Guild, GUILD), actor, package_id, MONDAY)


async def give(session: AsyncSession, order_id: int, actor: Actor = ADMIN, guild_id: int = GUILD) -> Any:
    return await orders.give(session, await session.get_one(Guild, guild_id), actor, order_id, MONDAY)


async def decline(session: AsyncSession, order_id: int) -> Any:
    return await orders.decline(session, await session.get_one(Guild, GUILD), ADMIN, order_id, MONDAY)


async def refused_to(
    db: Database, kind: type[CoachingError], use_case: Callable[..., Awaitable[object]], *args: Any
) -> CoachingError:
    """Run this, and return the refusal."""
    return await refusal(db, kind, lambda session: use_case(session, *args))


async def ordered(db: Database) -> int:
    """Store a server with an order of Stu's, and return its id."""
    await a_server_with_a_coach(db)
    package = await transact(db, offer)
    return (await transact(db, place, package.id)).id


async def test_an_order_is_given_once(db: Database) -> None:
    order_id = await ordered(db)

    await transact(db, give, order_id)

    assert await left(db) == [300]
    assert [kind for kind, _ in await enqueued(db)] == [
        NotificationKind.ORDER_CARD,
        NotificationKind.CREDITS_GRANTED,
    ]
    assert "gave this" in str(await refused_to(db, AlreadyDecided, give, order_id))
    await refused_to(db, AlreadyDecided, decline, order_id)
    assert (await fetch(db, PackageOrder, order_id)).lot_id == (await fetch_only(db, select(CreditLot))).id
    assert await query(db, orders.list_open, GUILD) == []


async def test_of_admins_who_press_together_one_gives_it(db: Database) -> None:
    order_id = await ordered(db)

    answers = await asyncio.gather(*(attempt(db, give, order_id) for _ in range(5)))

    assert sum(isinstance(one, AlreadyDecided) for one in answers) == 4
    assert await left(db) == [300]


async def test_of_presses_at_once_one_order_is_placed(db: Database) -> None:
    await a_server_with_a_coach(db)
    package = await transact(db, offer)

    answers = await asyncio.gather(*(attempt(db, place, package.id) for _ in range(5)))

    assert sum(isinstance(one, AlreadyDecided) for one in answers) == 4
    assert len(await fetch_all(db, select(PackageOrder))) == 1


async def test_a_declined_order_gives_nothing_and_can_be_placed_again(db: Database) -> None:
    order_id = await ordered(db)

    await transact(db, decline, order_id)

    assert (NotificationKind.ORDER_DECLINED, STUDENT) in await enqueued(db)
    assert await left(db) == []
    assert (await transact(db, place, 1)).id != order_id


async def test_only_admins_of_its_server_decide_an_order(db: Database) -> None:
    order_id = await ordered(db)
    await transact(db, a_guild, id=GUILD + 1)

    await refused_to(db, NotAllowed, give, order_id, CARA)
    await refused_to(db, NotFound, give, order_id, ADMIN, GUILD + 1)

    assert await left(db) == []


async def test_three_packages_can_be_ordered_at_a_time(db: Database) -> None:
    await a_server_with_a_coach(db)
    offered = [await transact(db, offer, replace(FIVE, minutes=minutes)) for minutes in (60, 120, 180, 240)]

    for package in offered[:3]:
        await transact(db, place, package.id)

    await refused_to(db, TooLate, place, offered[3].id)


async def test_blocked_people_cannot_order(db: Database) -> None:
    await a_server_with_a_coach(db)
    package = await transact(db, offer)
    await transact(db, blocks.block, GUILD, STUDENT, ADMIN, [BlockedFrom.BOOKING], "Enough.", MONDAY)

    await refused_to(db, Blocked, place, package.id)


async def test_a_changed_package_is_a_new_one_and_orders_keep_their_terms(db: Database) -> None:
    order_id = await ordered(db)

    changed = await transact(db, offer, replace(FIVE, minutes=60), 1)

    assert [one.minutes for one in await query(db, packages.on_sale, GUILD)] == [60]
    await refused_to(db, NotFound, place, 1)
    await refused_to(db, NotFound, offer, FIVE, 1)
    await transact(db, give, order_id)
    lot = await fetch_only(db, select(CreditLot))
    assert (lot.minutes_left, lot.package_id) == (300, 1)
    assert changed.id == 2


async def test_saving_a_package_as_it_is_changes_nothing(db: Database) -> None:
    await a_server_with_a_coach(db)
    before = await transact(db, offer)

    after = await transact(db, offer, FIVE, before.id)

    assert after.id == before.id
    assert len(await fetch_all(db, select(Package))) == 1


@pytest.mark.parametrize(
    "scope", [{"coach_ids": [STUDENT]}, {"specialty_ids": [999]}, {"coach_ids": [COACH, COACH + 1]}]
)
async def test_a_package_is_only_for_coaches_and_specialties_of_the_server(db: Database, scope: Any) -> None:
    await a_server_with_a_coach(db)

    await refused_to(db, Unreadable, offer, replace(FIVE, **scope))

    assert await fetch_all(db, select(Package)) == []


async def test_a_package_keeps_a_coach_who_was_suspended_since(db: Database) -> None:
    await a_server_with_a_coach(db)
    terms = replace(FIVE, coach_ids=[COACH])
    package = await transact(db, offer, terms)
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).status = CoachStatus.SUSPENDED

    changed = await transact(db, offer, replace(terms, minutes=60), package.id)

    assert changed.coach_ids == [COACH]


async def test_there_is_room_for_a_changed_package_when_there_are_as_many_as_fit(db: Database) -> None:
    await a_server_with_a_coach(db)
    for minutes in range(1, packages.MOST_PACKAGES + 1):
        await transact(db, offer, replace(FIVE, minutes=minutes))

    await transact(db, offer, replace(FIVE, price_minor=1), 1)

    refused = await refused_to(db, CoachingError, offer, replace(FIVE, minutes=99))
    assert "the most that fit" in str(refused)
