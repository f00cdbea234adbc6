"""What lots refer to, and how many minutes they came with."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CreditLot, Guild, LotSource
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.credits import grants, packages, role_grants, statements
from scheduler.credits.packages import PackageTerms
from scheduler.credits.statements import Facts
from tests.support.bookings import TWELVE, also_booked
from tests.support.builders import ADMIN, GUILD, MONDAY, STUDENT, a_server_with_a_coach
from tests.support.credits import a_lot, book_with_credit
from tests.support.transactions import query, transact

MIXING, ROLE = 1, 55


async def facts(session: AsyncSession) -> Facts:
    return await statements.facts_of(session, GUILD, await session.scalars(select(CreditLot)))


async def look(session: AsyncSession, *role_ids: int) -> None:
    """Let Stu use the bot with these roles."""
    guild = await session.get_one(Guild, GUILD)
    await role_grants.sync(session, guild, Actor(STUDENT, role_ids=frozenset(role_ids)), MONDAY)


async def offers(session: AsyncSession) -> None:
    """Give Stu a package, and let a role give credit."""
    guild = await session.get_one(Guild, GUILD)
    terms = PackageTerms("Five lessons", 300, 25000, "USD", specialty_ids=[MIXING])
    package = await packages.save(session, guild, ADMIN, terms, MONDAY)
    await packages.give(session, guild, package, STUDENT, MONDAY, actor=ADMIN)
    await packages.set_role_grant(session, guild, ADMIN, ROLE, 120, MONDAY)


async def test_what_lots_refer_to_is_loaded_by_id(db: Database) -> None:
    await a_server_with_a_coach(db)
    session_id = await also_booked(db, TWELVE)
    await transact(db, offers)
    await transact(db, look, ROLE)
    await transact(db, a_lot, 60, source=LotSource.MAKE_UP, session_id=session_id)

    found = await query(db, facts)

    assert found.sizes == {1: 300, 2: 120, 3: 60}
    assert (found.packages, found.specialties, found.roles) == ({1: "Five lessons"}, {MIXING: "Mixing"}, {1: ROLE})
    assert list(found.sessions) == [session_id]


async def test_a_lots_size_is_what_it_came_with_whatever_was_used_or_lost_and_found(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, offers)
    await transact(db, look, ROLE)
    await transact(db, look)
    assert (await query(db, facts)).sizes == {1: 300, 2: 0}

    await transact(db, look, ROLE)
    await transact(db, book_with_credit)

    assert (await query(db, facts)).sizes == {1: 300, 2: 120}


async def test_what_was_taken_back_does_not_count(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 120)
    await transact(db, book_with_credit)

    await transact(db, grants.take_back, GUILD, ADMIN, 1, MONDAY)

    assert (await query(db, facts)).sizes == {1: 60}
