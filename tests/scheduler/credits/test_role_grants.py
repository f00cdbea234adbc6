"""Minutes that come with a role each month."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CreditLot, Guild
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, TooLate, Unreadable
from scheduler.credits import charges, ledger, packages, role_grants
from tests.support.bookings import CARA, STU, TEN, TWELVE
from tests.support.builders import (
    ADMIN,
    DAY,
    GUILD,
    MINUTE,
    MONDAY,
    STUDENT,
    a_guild,
    a_server_with_a_coach,
    refusal,
)
from tests.support.credits import book_with_credit, left
from tests.support.transactions import fetch_all, transact

ROLE = 55
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "ends_at"),
    [
        ("UTC", MONDAY, APRIL),
        ("UTC", datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), APRIL),
        ("UTC", APRIL, datetime(2026, 5, 1, tzinfo=UTC)),
        ("UTC", datetime(2026, 12, 5, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("UTC", datetime(2028, 2, 29, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
        # It's already April in Auckland, still March in New York, and summer time in Berlin.
        ("Pacific/Auckland", datetime(2026, 3, 31, 12, tzinfo=UTC), datetime(2026, 4, 30, 12, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 4, 1, 3, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC)),
        ("Europe/Berlin", MONDAY, datetime(2026, 3, 31, 22, tzinfo=UTC)),
        # The clocks go back then, so midnight comes twice.
        ("America/Havana", datetime(2026, 10, 31, 12, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ],
)
def test_a_month_ends_at_midnight_on_the_servers_clock(zone: str, now: datetime, ends_at: datetime) -> None:
    assert role_grants.month_ends_at(ZoneInfo(zone), now) == ends_at


async def a_server(db: Database, minutes: int = 120, **changed: object) -> None:
    await a_server_with_a_coach(db, guild=changed)
    await set_role(db, minutes)


async def set_role(db: Database, minutes: int, role_id: int = ROLE) -> None:
    async def use_case(session: AsyncSession) -> None:
        guild = await session.get_one(Guild, GUILD)
        await packages.set_role_grant(session, guild, ADMIN, role_id, minutes, MONDAY)

    await transact(db, use_case)


async def seen_with(db: Database, *roles: int, now: datetime = MONDAY, user_id: int = STUDENT) -> list[int]:
    """Let somebody with these roles use the bot, and return what's left of each lot."""
    return await seen(db, frozenset(roles), now, user_id)


async def seen(db: Database, roles: frozenset[int] | None, now: datetime, user_id: int = STUDENT) -> list[int]:
    async def use_case(session: AsyncSession) -> None:
        guild = await session.get_one(Guild, GUILD)
        await role_grants.sync(session, guild, Actor(user_id, role_ids=roles), now)

    await transact(db, use_case)
    return await left(db)


async def test_a_role_gives_its_minutes_once_a_month(db: Database) -> None:
    await a_server(db)

    assert await seen_with(db, 7) == []
    assert await seen_with(db, 7, ROLE) == [120]
    assert await seen_with(db, ROLE, now=MONDAY + 20 * DAY) == [120]
    assert await seen_with(db, ROLE, now=APRIL) == [120, 120]
    assert [lot.valid_until for lot in await fetch_all(db, select(CreditLot).order_by(CreditLot.id))] == [
        APRIL,
        datetime(2026, 5, 1, tzinfo=UTC),
    ]


async def test_a_role_lost_takes_what_is_left_and_a_role_had_again_brings_it_back(db: Database) -> None:
    await a_server(db)
    await seen_with(db, ROLE)
    await transact(db, book_with_credit)

    for _ in range(2):
        assert await seen_with(db, 7) == [0]
    for _ in range(2):
        assert await seen_with(db, ROLE) == [60]
    assert await seen_with(db) == [0]
    assert await seen_with(db, ROLE) == [60]


async def test_nobody_loses_anything_while_discord_does_not_answer(db: Database) -> None:
    await a_server(db)
    await seen_with(db, ROLE)

    assert await seen(db, None, MONDAY) == [120]


async def test_changed_minutes_count_from_the_next_month_and_none_at_once(db: Database) -> None:
    await a_server(db)
    await seen_with(db, ROLE)

    await set_role(db, 30)
    assert await seen_with(db, ROLE) == [120]
    assert await seen_with(db, ROLE, now=APRIL) == [120, 30]
    await set_role(db, 0)
    assert await seen_with(db, ROLE, now=APRIL) == [120, 0]
    await set_role(db, 90)
    assert await seen_with(db, ROLE, now=APRIL) == [120, 30]


async def test_another_time_zone_does_not_give_a_month_twice(db: Database) -> None:
    await a_server(db)
    await seen_with(db, ROLE)

    async def move(session: AsyncSession) -> None:
        (await session.get_one(Guild, GUILD)).time_zone = "Asia/Tokyo"

    await transact(db, move)

    assert await seen_with(db, ROLE) == [120]


async def test_two_months_can_come_back_at_the_same_moment(db: Database) -> None:
    await a_server(db, cancel_notice_minutes=180)
    lots = []
    for month in (2, 3):
        await seen_with(db, ROLE, now=datetime(2026, month, 1, tzinfo=UTC))

    async def open_again(session: AsyncSession) -> None:
        for lot in await ledger.lots_of(session, GUILD, STUDENT, valid_at=datetime(2026, 1, 1, tzinfo=UTC)):
            lot.valid_until = TEN + DAY  # as after 30 days more
            lots.append(lot.id)

    await transact(db, open_again)
    booked = await transact(db, book_with_credit, minutes=90)
    more = await transact(db, book_with_credit, starts_at=TWELVE, minutes=90)
    for one in (booked, more):
        await transact(db, cancellation.cancel, one.id, STU, GUILD, "", TEN - MINUTE)
    async with db.begin() as session:
        for one in (booked, more):
            await charges.waive(session, one.id, CARA, MONDAY + 3 * DAY)

    assert sum(await left(db)) == 180
    assert {lot.valid_until for lot in await fetch_all(db, select(CreditLot))} == {MONDAY + 33 * DAY}


async def test_each_role_gives_its_own_minutes_to_each_person(db: Database) -> None:
    await a_server(db)
    await set_role(db, 60, role_id=7)

    assert await seen_with(db, 7, ROLE) == [120, 60]
    assert await seen_with(db, 7, ROLE, user_id=STUDENT + 1) == [120, 60, 120, 60]
    assert await seen_with(db, 7) == [0, 60, 120, 60]


async def test_only_admins_say_what_roles_give_and_only_what_fits(db: Database) -> None:
    await transact(db, a_guild)
    guild = await transact(db, lambda session: session.get_one(Guild, GUILD))
    for role_id in range(packages.MOST_ROLES):
        await set_role(db, 60, role_id + 1)
    await set_role(db, 0, 1)
    await set_role(db, 60, ROLE)

    for error, actor, role_id, minutes in (
        (NotAllowed, STU, ROLE, 60),
        (Unreadable, ADMIN, ROLE, -1),
        (TooLate, ADMIN, 500, 60),
        (TooLate, ADMIN, 1, 60),
    ):
        await refusal(
            db,
            error,
            lambda session, by=actor, role=role_id, much=minutes: packages.set_role_grant(
                session, guild, by, role, much, MONDAY
            ),
        )


async def test_removing_what_a_role_does_not_give_is_not_recorded(db: Database) -> None:
    await transact(db, a_guild)

    await set_role(db, 0)

    assert await fetch_all(db, select(AuditEntry)) == []
