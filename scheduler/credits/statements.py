"""What a person has, and every movement with its reason."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditEntry, CreditLot, EntryKind, Package, Participant, RoleGrant, Specialty
from scheduler.credits import ledger

A_PAGE = 10


@dataclass(frozen=True, slots=True)
class Balance:
    """What a person has in one server."""

    lots: list[CreditLot]
    """Those with minutes left that haven't ended, those that end first in front."""
    reserved: int
    """Minutes that upcoming sessions have taken."""

    @property
    def minutes(self) -> int:
        """Minutes they can book with."""
        return ledger.minutes_in(self.lots)


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry of the ledger, with what it's about."""

    entry: CreditEntry
    lot: CreditLot
    session: CoachingSession | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What lots refer to, by id. What the server has removed is missing."""

    sizes: Mapping[int, int]
    """How many minutes each lot came with."""
    specialties: Mapping[int, str]
    packages: Mapping[int, str]
    roles: Mapping[int, int]
    """The role of each role grant."""
    sessions: Mapping[int, CoachingSession]
    """The sessions that make-ups and refunds stand for."""


async def balance(session: AsyncSession, guild_id: int, user_id: int, now: datetime) -> Balance:
    """Return what a person has in this server now."""
    lots = await ledger.lots_of(session, guild_id, user_id, valid_at=now)
    reserved = (
        select(func.sum(CreditEntry.minutes))
        .join(CreditLot, CreditLot.id == CreditEntry.lot_id)
        .join(
            Participant,
            and_(Participant.session_id == CreditEntry.session_id, Participant.user_id == CreditLot.user_id),
        )
        .where(
            CreditLot.guild_id == guild_id,
            CreditLot.user_id == user_id,
            CreditEntry.kind.in_([EntryKind.RESERVED, EntryKind.RETURNED]),
            Participant.credit_charged_at.is_(None),
        )
    )
    return Balance(lots, -int(await session.scalar(reserved) or 0))


async def sizes(session: AsyncSession, lot_ids: Collection[int]) -> dict[int, int]:
    """Map each of these lots to how many minutes it came with, without those that were revoked."""
    given = CreditEntry.kind.in_([EntryKind.GRANTED, EntryKind.REVOKED])
    sums = (
        select(CreditEntry.lot_id, func.sum(CreditEntry.minutes))
        .where(CreditEntry.lot_id.in_(lot_ids), given)
        .group_by(CreditEntry.lot_id)
    )
    return {lot_id: int(minutes) for lot_id, minutes in await session.execute(sums)} if lot_ids else {}


async def facts_of(session: AsyncSession, guild_id: int, lots: Iterable[CreditLot]) -> Facts:
    """Load what lots refer to."""
    lots = list(lots)
    scoped = [one for lot in lots for one in lot.specialty_ids or ()]
    return Facts(
        sizes=await sizes(session, {lot.id for lot in lots}),
        specialties=await _names(session, Specialty, guild_id, scoped),
        packages=await _names(session, Package, guild_id, [lot.package_id for lot in lots]),
        roles=await _roles(session, [lot.role_grant_id for lot in lots]),
        sessions=await _sessions(session, [lot.session_id for lot in lots]),
    )


async def specialties_of(session: AsyncSession, guild_id: int, packages: Iterable[Package]) -> dict[int, str]:
    """Return the names of the specialties that packages are for, by id."""
    return await _names(
        session, Specialty, guild_id, [one for each in packages for one in each.specialty_ids or ()]
    )


async def _names(
    session: AsyncSession, table: type[Specialty] | type[Package], guild_id: int, ids: Iterable[int | None]
) -> dict[int, str]:
    wanted = {one for one in ids if one is not None}
    named = select(table.id, table.name).where(table.guild_id == guild_id, table.id.in_(wanted))
    return dict(list(await session.execute(named))) if wanted else {}


async def _roles(session: AsyncSession, ids: Iterable[int | None]) -> dict[int, int]:
    wanted = {one for one in ids if one is not None}
    found = select(RoleGrant.id, RoleGrant.role_id).where(RoleGrant.id.in_(wanted))
    return dict(list(await session.execute(found))) if wanted else {}


async def _sessions(session: AsyncSession, ids: Iterable[int | None]) -> dict[int, CoachingSession]:
    wanted = {one for one in ids if one is not None}
    found = select(CoachingSession).where(CoachingSession.id.in_(wanted))
    return {one.id: one for one in await session.scalars(found)} if wanted else {}


async def movements(
    session: AsyncSession, guild_id: int, user_id: int, *, page: int = 0, lot_id: int | None = None
) -> tuple[list[Movement], int]:
    """Return a page of a person's movements in this server, newest first, and how many there are in all."""
    theirs = [CreditLot.guild_id == guild_id, CreditLot.user_id == user_id]
    if lot_id is not None:
        theirs.append(CreditLot.id == lot_id)
    of_lots = select(CreditEntry.id).join(CreditLot, CreditLot.id == CreditEntry.lot_id).where(*theirs)
    count = await session.scalar(select(func.count()).select_from(of_lots.subquery())) or 0
    found = await session.execute(
        select(CreditEntry, CreditLot, CoachingSession)
        .join(CreditLot, CreditLot.id == CreditEntry.lot_id)
        .outerjoin(CoachingSession, CoachingSession.id == CreditEntry.session_id)
        .where(*theirs)
        .order_by(CreditEntry.id.desc())
        .offset(page * A_PAGE)
        .limit(A_PAGE)
    )
    return [Movement(entry, lot, about) for entry, lot, about in found], count
