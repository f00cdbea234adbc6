"""Credit in the simulated academy: packages, lots, and Stu's sessions that are booked with it."""

from datetime import datetime
from typing import Any

from models import CoachingSession, CreditLot, Guild, Package
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.credits import charges, packages
from scheduler.credits.packages import PackageTerms
from tests.support.builders import MINUTE
from tests.support.credits import a_lot
from tests.support.meetings import TWO
from tests.support.simulated import Academy


async def in_world(world: Academy, minutes: int = 60, *, person: Any = None, **changed: Any) -> CreditLot:
    """Store a lot of a student of the academy, for any coach, for ever."""
    owner = {"guild_id": world.guild.id, "user_id": (person or world.student).id}
    async with world.db.begin() as session:
        return await a_lot(session, minutes, now=world.now, **owner | changed)


async def a_package(world: Academy, *, package_id: int | None = None, **changed: Any) -> Package:
    """Offer a package of five hours for $250, also in place of another."""
    terms: dict[str, Any] = {"name": "Five lessons", "minutes": 300, "price_minor": 25000, "currency": "USD"}
    wanted, admin = PackageTerms(**terms | changed), Actor(world.admin.id, is_admin=True)
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        return await packages.save(session, guild, admin, wanted, world.now, package_id=package_id)


async def role_gives(world: Academy, role_id: int, minutes: int) -> None:
    """Let a role give these minutes each month."""
    async with world.db.begin() as session:
        guild, admin = await session.get_one(Guild, world.guild.id), Actor(world.admin.id, is_admin=True)
        await packages.set_role_grant(session, guild, admin, role_id, minutes, world.now)


async def booked_with_credit(world: Academy, starts_at: datetime = TWO, *, minutes: int = 60) -> CoachingSession:
    """Book Cara for Stu with credit, as Confirm does; both are told."""
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        made = await charges.book(
            session, guild, Actor(world.student.id), world.coach.id, starts_at, minutes * MINUTE, None, world.now
        )
    await world.leap_to(world.now)
    return made


async def cancelled(world: Academy, made: CoachingSession, person: Any) -> None:
    """Cancel a session, as coach or student."""
    async with world.db.begin() as session:
        await cancellation.cancel(session, made.id, Actor(person.id), None, "Ill.", world.now)
    await world.leap_to(world.now)
