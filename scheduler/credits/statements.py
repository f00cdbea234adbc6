"""What a person has, and every movement with its reason."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditEntry, CreditLot, EntryKind
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


async def balance(session: AsyncSession, guild_id: int, user_id: int, now: datetime) -> Balance:
    """Return what a person has in this server now."""
    lots = await ledger.lots_of(session, guild_id, user_id, valid_at=now)
    reserved = (
        select(func.sum(CreditEntry.minutes))
        .join(CreditLot, CreditLot.id == CreditEntry.lot_id)
        .join(CoachingSession, CoachingSession.id == CreditEntry.session_id)
        .where(
            CreditLot.guild_id == guild_id,
            CreditLot.user_id == user_id,
            CreditEntry.kind.in_([EntryKind.RESERVED, EntryKind.RETURNED]),
            CoachingSession.credit_charged_at.is_(None),
        )
    )
    return Balance(lots, -int(await session.scalar(reserved) or 0))


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
