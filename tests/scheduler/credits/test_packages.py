"""Packages: what's on sale, and what has been sold."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CreditLot, Guild, LotSource, Package
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotFound, TooLate, Unreadable
from scheduler.credits import packages
from scheduler.credits.packages import PackageTerms
from tests.support.bookings import STU
from tests.support.builders import ADMIN, COACH, GUILD, MONDAY, STUDENT, a_server_with_a_coach, refusal
from tests.support.transactions import fetch_all, query, transact

TERMS = PackageTerms("Ten hours", 600, 50_000, "USD", days_valid=30, coach_ids=[COACH], specialty_ids=[1])


async def save(
    session: AsyncSession, terms: PackageTerms = TERMS, *, actor: Actor = ADMIN, package_id: int | None = None
) -> Package:
    guild = await session.get_one(Guild, GUILD)
    return await packages.save(session, guild, actor, terms, MONDAY, package_id=package_id)


async def retire(session: AsyncSession, package_id: int, actor: Actor = ADMIN) -> None:
    guild = await session.get_one(Guild, GUILD)
    await packages.retire(session, guild, actor, package_id, MONDAY)


async def give(session: AsyncSession, package_id: int, actor: Actor | None = ADMIN) -> CreditLot:
    guild = await session.get_one(Guild, GUILD)
    package = await packages.find(session, GUILD, package_id)
    return await packages.give(session, guild, package, STUDENT, MONDAY, actor=actor)


async def on_sale(db: Database) -> list[str]:
    return [one.name for one in await query(db, packages.on_sale, GUILD)]


async def test_what_is_sold_keeps_its_terms_when_the_package_changes(db: Database) -> None:
    await a_server_with_a_coach(db)
    package = await transact(db, save)
    await transact(db, give, package.id)

    changed = PackageTerms("Five hours", 300, 30_000, "EUR", days_valid=7)
    new = await transact(db, save, changed, package_id=package.id)
    await transact(db, give, new.id, actor=None)

    first, second = await fetch_all(db, select(CreditLot).order_by(CreditLot.id))
    assert (first.source, first.minutes_left, first.granted_by) == (LotSource.PACKAGE, 600, ADMIN.user_id)
    assert (first.coach_ids, first.specialty_ids) == ([COACH], [1])
    assert (first.paid_minor, first.currency) == (50_000, "USD")
    assert first.valid_until == datetime(2026, 4, 2, tzinfo=UTC)
    assert (second.minutes_left, second.coach_ids, second.specialty_ids, second.granted_by) == (
        300,
        None,
        None,
        None,
    )
    assert (second.paid_minor, second.currency) == (30_000, "EUR")
    assert second.valid_until == datetime(2026, 3, 10, tzinfo=UTC)
    actions = [one.action for one in await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id))]
    assert actions == ["package_added", "package_given", "package_changed", "package_given"]


async def test_a_package_off_sale_is_neither_shown_changed_nor_sold_and_what_is_sold_stays(db: Database) -> None:
    await a_server_with_a_coach(db)
    package = await transact(db, save)
    await transact(db, give, package.id)

    await transact(db, retire, package.id)

    assert await on_sale(db) == []
    await refusal(db, NotFound, lambda session: give(session, package.id))
    await refusal(db, NotFound, lambda session: save(session, package_id=package.id))
    await refusal(db, NotFound, lambda session: retire(session, package.id))
    assert [lot.minutes_left for lot in await fetch_all(db, select(CreditLot))] == [600]


async def test_the_smallest_package_is_first(db: Database) -> None:
    await a_server_with_a_coach(db)
    for name, minutes in (("Large", 900), ("Small", 60), ("Medium", 300)):
        await transact(db, save, replace(TERMS, name=name, minutes=minutes))

    assert await on_sale(db) == ["Small", "Medium", "Large"]


async def test_there_are_25_packages_at_most(db: Database) -> None:
    await a_server_with_a_coach(db)
    *_, last = [await transact(db, save) for _ in range(packages.MOST_PACKAGES)]

    refused = await refusal(db, TooLate, save)
    await transact(db, save, package_id=last.id)
    await transact(db, retire, last.id)
    await transact(db, save)

    assert str(refused) == "There are 25 packages, the most that fit. Remove one first."
    assert len(await on_sale(db)) == 25


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"minutes": 0},
        {"minutes": 100_001},
        {"days_valid": 0},
        {"days_valid": 3651},
        {"price_minor": -1},
    ],
)
async def test_terms_that_nobody_can_have_meant_are_refused(db: Database, changed: dict[str, object]) -> None:
    await a_server_with_a_coach(db)

    await refusal(db, Unreadable, lambda session: save(session, replace(TERMS, **changed)))


async def test_only_admins_offer_change_remove_and_give_packages(db: Database) -> None:
    await a_server_with_a_coach(db)
    one = (await transact(db, save)).id

    await refusal(db, NotAllowed, lambda session: save(session, actor=STU))
    await refusal(db, NotAllowed, lambda session: save(session, actor=STU, package_id=one))
    await refusal(db, NotAllowed, lambda session: retire(session, one, STU))
    await refusal(db, NotAllowed, lambda session: give(session, one, STU))


async def test_a_package_of_another_server_is_not_found(db: Database) -> None:
    await a_server_with_a_coach(db)
    one = (await transact(db, save)).id

    await refusal(db, NotFound, lambda session: packages.find(session, GUILD + 1, one))
