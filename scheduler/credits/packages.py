"""Packages of minutes, and minutes by role: what a server offers."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, CreditLot, Guild, LotSource, Package, PaymentMode, RoleGrant, Specialty
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate, Unreadable
from scheduler.credits import grants, ledger
from scheduler.parsing import card_amounts
from scheduler.parsing.lists import all_of

LONGEST_NAME = 80
USUAL_VALIDITY = 180
"""In days."""
MOST_PACKAGES = MOST_ROLES = 25


@dataclass(frozen=True, slots=True)
class PackageTerms:
    """What a package consists of. Ids are those of the only coaches, or of one specialty, it's for."""

    name: str
    minutes: int
    price_minor: int
    currency: str
    days_valid: int = USUAL_VALIDITY
    coach_ids: list[int] | None = None
    specialty_ids: list[int] | None = None

    def check(self) -> None:
        """Raise Unreadable for terms that nobody can have meant."""
        read_name(self.name)
        if self.price_minor < 0:
            raise Unreadable("A package can't cost less than nothing.")
        grants.check_minutes(self.minutes)
        grants.check_days(self.days_valid)


def read_name(typed: str) -> str:
    """Return a package's name without white space around it. Raises Unreadable."""
    name = " ".join(typed.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise Unreadable(f"Give it a name of up to {LONGEST_NAME} characters.")
    return name


async def on_sale(session: AsyncSession, guild_id: int) -> list[Package]:
    """List a server's packages, the smallest first."""
    theirs = select(Package).where(Package.guild_id == guild_id, Package.retired_at.is_(None))
    return list(await session.scalars(theirs.order_by(Package.minutes, Package.id)))


async def find(session: AsyncSession, guild_id: int, package_id: int, *, lock: bool = False) -> Package:
    """Return a package that's on sale. Raises NotFound."""
    found = await session.get(Package, package_id, with_for_update=lock, populate_existing=lock)
    if found is None or found.guild_id != guild_id or found.retired_at is not None:
        raise NotFound("This package isn't offered any more. `/credits` shows what is.")
    return found


async def save(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    terms: PackageTerms,
    now: datetime,
    *,
    package_id: int | None = None,
) -> Package:
    """Offer a package, or put another in the place of one, as an admin.

    A package never changes, so that what has been ordered and sold keeps its terms. Returns the one on sale.

    Raises NotAllowed, NotFound, Unreadable, TooLate if there are as many as fit.
    """
    actor.must_be_admin()
    terms.check()
    if guild.payment_mode is not PaymentMode.OFF:
        card_amounts.check_chargeable(terms.price_minor, terms.currency)
    await _lock(session, guild)
    old = None if package_id is None else await find(session, guild.id, package_id, lock=True)
    if old is None and len(await on_sale(session, guild.id)) >= MOST_PACKAGES:
        raise TooLate(f"There are {MOST_PACKAGES} packages, the most that fit. Remove one first.")
    await _check_scope(session, guild.id, terms, old)
    details = asdict(terms)
    if old is not None:
        if terms_of(old) == terms:
            return old
        old.retired_at = now
    package = Package(guild_id=guild.id, created_at=now, **details)
    session.add(package)
    action = "package_added" if old is None else "package_changed"
    audit.record(session, guild.id, action, at=now, actor_id=actor.user_id, details=details)
    await session.flush()
    return package


def terms_of(package: Package) -> PackageTerms:
    """Return what a package consists of."""
    return PackageTerms(**{one.name: getattr(package, one.name) for one in fields(PackageTerms)})


async def _check_scope(session: AsyncSession, guild_id: int, terms: PackageTerms, old: Package | None) -> None:
    """Raise Unreadable for people who don't coach here and for specialties that aren't taught.

    Those that the package had before can stay.
    """
    coach_ids = set(terms.coach_ids or ()).difference((old and old.coach_ids) or ())
    approved = select(Coach.user_id).where(
        Coach.guild_id == guild_id, Coach.user_id.in_(coach_ids), Coach.status == CoachStatus.APPROVED
    )
    if coach_ids and (others := coach_ids.difference(await session.scalars(approved))):
        named = all_of(f"<@{one}>" for one in sorted(others))
        raise Unreadable(f"{named} can't be booked here, so pick only approved coaches.")
    specialty_ids = set(terms.specialty_ids or ()).difference((old and old.specialty_ids) or ())
    taught = select(Specialty.id).where(Specialty.guild_id == guild_id, Specialty.id.in_(specialty_ids))
    if specialty_ids and specialty_ids.difference(await session.scalars(taught)):
        raise Unreadable("One of these specialties is no longer on the list. Open the package again.")


async def retire(session: AsyncSession, guild: Guild, actor: Actor, package_id: int, now: datetime) -> Package:
    """Take a package off sale, as an admin. What has been sold stays. Raises NotAllowed, NotFound."""
    actor.must_be_admin()
    package = await find(session, guild.id, package_id, lock=True)
    package.retired_at = now
    details = {"name": package.name}
    audit.record(session, guild.id, "package_removed", at=now, actor_id=actor.user_id, details=details)
    return package


async def give(
    session: AsyncSession,
    guild: Guild,
    package: Package,
    user_id: int,
    now: datetime,
    *,
    actor: Actor | None = None,
) -> CreditLot:
    """Give a person what they bought, and tell them. `actor` is the admin who says that it's paid.

    Raises NotAllowed.
    """
    if actor is not None:
        actor.must_be_admin()
    await members.lock(session, user_id)
    lot = CreditLot(
        guild_id=guild.id,
        user_id=user_id,
        source=LotSource.PACKAGE,
        coach_ids=package.coach_ids,
        specialty_ids=package.specialty_ids,
        valid_until=grants.last_day_ends_at(guild, package.days_valid, now),
        granted_by=actor.user_id if actor else None,
        package_id=package.id,
        paid_minor=package.price_minor,
        currency=package.currency,
    )
    await ledger.grant(session, lot, package.minutes, now)
    grants.announce(session, lot, now)
    audit.record(
        session,
        guild.id,
        "package_given",
        at=now,
        actor_id=actor.user_id if actor else None,
        member_id=user_id,
        details={"lot_id": lot.id, "name": package.name, "minutes": package.minutes},
    )
    return lot


async def role_grants(session: AsyncSession, guild_id: int) -> list[RoleGrant]:
    """List what roles give each month in this server, most minutes first."""
    theirs = select(RoleGrant).where(RoleGrant.guild_id == guild_id, RoleGrant.retired_at.is_(None))
    return list(await session.scalars(theirs.order_by(RoleGrant.minutes.desc(), RoleGrant.id)))


async def set_role_grant(
    session: AsyncSession, guild: Guild, actor: Actor, role_id: int, minutes: int, now: datetime
) -> None:
    """Say how many minutes a role gives each month, as an admin; 0 for none. Counts from each person's next month.

    Those who lose what a role gives keep what they have booked. Raises NotAllowed, Unreadable, TooLate.
    """
    actor.must_be_admin()
    if minutes:
        grants.check_minutes(minutes)
    await _lock(session, guild)
    theirs = RoleGrant.guild_id == guild.id, RoleGrant.role_id == role_id
    found = await session.scalar(select(RoleGrant).where(*theirs).with_for_update())
    is_given = found is not None and found.retired_at is None
    if not minutes and not is_given:
        return
    if minutes and not is_given and len(await role_grants(session, guild.id)) >= MOST_ROLES:
        raise TooLate(f"{MOST_ROLES} roles give credit, the most that fit. Remove one first.")
    if found is None:
        session.add(RoleGrant(guild_id=guild.id, role_id=role_id, minutes=minutes, created_at=now))
    else:
        found.minutes = minutes or found.minutes
        found.retired_at = None if minutes else now
    details = {"role_id": role_id, "minutes": minutes}
    audit.record(session, guild.id, "role_credit_set", at=now, actor_id=actor.user_id, details=details)


async def _lock(session: AsyncSession, guild: Guild) -> None:
    await session.get_one(Guild, guild.id, with_for_update=True)
