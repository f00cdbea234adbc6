"""The ledger: lots of minutes, and the entries that change them.

The database counts, and refuses to overdraw a lot or to change an entry. See `models.credit`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, Select, String, cast, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.attributes import set_committed_value

from models import Coach, CoachSpecialty, CreditEntry, CreditLot, EntryKind, LotSource, Specialty
from scheduler.parsing.money import price
from scheduler.series import pay_steps

ENDING = timedelta(days=14)
"""How long before a lot ends its owner is told."""
IN_PLACE_OF_A_SESSION = (LotSource.MAKE_UP, LotSource.REFUND)
"""Lots that stand for a cancelled session. They're also for coaches who don't cost more."""
KEPT_FOR = timedelta(days=30)
"""How long minutes are valid that are given back to a lot that has ended."""


async def grant(session: AsyncSession, lot: CreditLot, minutes: int, now: datetime) -> CreditLot:
    """Store a new lot with this many minutes."""
    lot.created_at, lot.minutes_granted, lot.minutes_left = now, minutes, 0
    plan_next_step(lot, now)
    session.add(lot)
    await session.flush()
    await _add(session, EntryKind.GRANTED, {lot: minutes}, now)
    return lot


def plan_next_step(lot: CreditLot, now: datetime) -> None:
    """Plan when the lot's owner is told that it ends, or when it expires.

    Nobody is told about what comes again each month, nor about what ends in less than that time anyway.
    """
    ends_at = lot.valid_until
    is_told = ends_at is not None and lot.source is not LotSource.ROLE and now < ends_at - ENDING
    lot.next_step_at = ends_at - ENDING if ends_at is not None and is_told else ends_at


async def lots_of(session: AsyncSession, guild_id: int, user_id: int, *, valid_at: datetime) -> list[CreditLot]:
    """Return a person's lots with minutes left that are valid then, those that end first in front."""
    return sorted(await session.scalars(_lots(guild_id, user_id, valid_at)), key=_ends_first)


def _lots(guild_id: int, user_id: int, valid_at: datetime) -> Select[CreditLot]:
    return (
        select(CreditLot)
        .where(
            CreditLot.guild_id == guild_id,
            CreditLot.user_id == user_id,
            CreditLot.minutes_left > 0,
            or_(CreditLot.valid_until.is_(None), CreditLot.valid_until > valid_at),
        )
        .order_by(CreditLot.id)
    )


def _ends_first(lot: CreditLot) -> tuple[bool, datetime, int]:
    return lot.valid_until is None, lot.valid_until or lot.created_at, lot.id


async def usable_for(session: AsyncSession, lots: Sequence[CreditLot], coach: Coach) -> list[CreditLot]:
    """Return the lots that a session with this coach can be booked with.

    A make-up, or credit in place of a refund, is for the same coach, or for one with whom the cancelled session
    wouldn't have cost more.
    Specialties that the server has removed don't count, so that nobody loses credit for these only.
    """
    if not any(lot.specialty_ids for lot in lots):
        return _usable(lots, coach, None, None)
    known, taught = (await session.execute(select(_known_in(coach), _taught_by(coach)))).one()
    return _usable(lots, coach, known, taught)


async def lots_to_take_from(
    session: AsyncSession, user_id: int, coach: Coach, starts_at: datetime, now: datetime
) -> tuple[list[CreditLot], list[CreditLot]]:
    """Return all lots a person has now, and those that a session with this coach then can take minutes from.

    Locks them, with one statement, which keeps booking quick.
    """
    found = await session.execute(
        _lots(coach.guild_id, user_id, min(starts_at, now))
        .add_columns(_known_in(coach), _taught_by(coach))
        .with_for_update(of=CreditLot)
        .execution_options(populate_existing=True)
    )
    rows = list(found)
    _, known, taught = rows[0] if rows else (None, None, None)
    lots = sorted((lot for lot, _, _ in rows), key=_ends_first)
    then = [lot for lot in lots if lot.valid_until is None or lot.valid_until > starts_at]
    return lots, _usable(then, coach, known, taught)


def _usable(lots: Iterable[CreditLot], coach: Coach, known: str | None, taught: str | None) -> list[CreditLot]:
    """Return the usable ones. `known` is what `_known_in` returned, and `taught` what `_taught_by` did."""
    in_server, by_coach = _ids_in(known), _ids_in(taught)

    def is_usable(lot: CreditLot) -> bool:
        wanted = in_server.intersection(lot.specialty_ids or ())
        if wanted and not wanted & by_coach:
            return False
        if not lot.coach_ids or coach.user_id in lot.coach_ids:
            return True
        cost = price(coach.rate_minor, timedelta(minutes=lot.minutes_granted))
        is_for_others = lot.source in IN_PLACE_OF_A_SESSION
        return is_for_others and lot.currency == coach.currency and cost <= (lot.paid_minor or 0)

    return [lot for lot in lots if is_usable(lot)]


def _taught_by(coach: Coach) -> ScalarSelect[str]:
    """Return the ids of what a coach teaches, as one text that `_ids_in` reads."""
    theirs = CoachSpecialty.guild_id == coach.guild_id, CoachSpecialty.coach_id == coach.user_id
    return _as_text(CoachSpecialty.specialty_id, *theirs)


def _known_in(coach: Coach) -> ScalarSelect[str]:
    """Return the ids of what can be taught in the coach's server, as one text that `_ids_in` reads."""
    return _as_text(Specialty.id, Specialty.guild_id == coach.guild_id)


def _as_text(ids: InstrumentedAttribute[int], *where: ColumnElement[bool]) -> ScalarSelect[str]:
    return select(func.aggregate_strings(cast(ids, String), " ")).where(*where).scalar_subquery()


def _ids_in(text: str | None) -> set[int]:
    return set(map(int, (text or "").split()))


def minutes_in(lots: Iterable[CreditLot]) -> int:
    """Return how many minutes are left in all of them."""
    return sum(lot.minutes_left for lot in lots)


async def reserve(
    session: AsyncSession, lots: Sequence[CreditLot], minutes: int, session_id: int, now: datetime
) -> None:
    """Take the minutes for a session, from the first lots first. There must be enough."""
    parts: dict[CreditLot, int] = {}
    for lot in lots:
        parts[lot] = -min(lot.minutes_left, minutes + sum(parts.values()))
    await _add(session, EntryKind.RESERVED, {lot: part for lot, part in parts.items() if part}, now, session_id)


async def taken_for(session: AsyncSession, session_id: int, user_id: int) -> dict[CreditLot, int]:
    """Return how many minutes a session has taken from which of a person's lots, and not given back.

    Locks these lots.
    """
    sums = (
        select(CreditEntry.lot_id, func.sum(CreditEntry.minutes).label("minutes"))
        .where(CreditEntry.session_id == session_id)
        .where(CreditEntry.kind.in_([EntryKind.RESERVED, EntryKind.RETURNED]))
        .group_by(CreditEntry.lot_id)
        .subquery()
    )
    found = (
        select(CreditLot, sums.c.minutes)
        .join(sums, sums.c.lot_id == CreditLot.id)
        .where(CreditLot.user_id == user_id)
        .order_by(CreditLot.id)
        .with_for_update(of=CreditLot)
        .execution_options(populate_existing=True)
    )
    return {lot: -int(net) for lot, net in await session.execute(found) if net < 0}


async def charge(session: AsyncSession, taken: Mapping[CreditLot, int], session_id: int, now: datetime) -> None:
    """Record that what a session has taken is gone for good."""
    await _add(session, EntryKind.CHARGED, dict.fromkeys(taken, 0), now, session_id)


async def give_back(session: AsyncSession, taken: Mapping[CreditLot, int], session_id: int, now: datetime) -> None:
    """Give back what a session has taken to the very lots. If one has ended, that is valid for 30 days more."""
    for lot in taken:
        if lot.valid_until is not None and lot.valid_until <= now:
            await expire(session, lot, now)
            lot.valid_until = now + KEPT_FOR
            plan_next_step(lot, now)
    await _add(session, EntryKind.RETURNED, taken, now, session_id)


async def expire(session: AsyncSession, lot: CreditLot, now: datetime) -> None:
    """Take what's left of a lot that has ended. The lot must be locked."""
    lot.next_step_at = None
    await _empty(session, EntryKind.EXPIRED, lot, now)


async def revoke(session: AsyncSession, lot: CreditLot, now: datetime) -> int:
    """Take back what's left of a lot, and return how much that was. The lot must be locked."""
    return await _empty(session, EntryKind.REVOKED, lot, now)


async def restore(session: AsyncSession, lot: CreditLot, now: datetime) -> None:
    """Give back what was revoked of a lot. The lot must be locked."""
    is_revocation = CreditEntry.kind.in_([EntryKind.REVOKED, EntryKind.GRANTED])
    changes = select(CreditEntry.kind, CreditEntry.minutes).where(CreditEntry.lot_id == lot.id, is_revocation)
    entries = [(kind, minutes) for kind, minutes in await session.execute(changes.order_by(CreditEntry.id))]
    # The first entry is the grant itself; later ones restored what had been revoked before.
    revoked = -sum(minutes for _, minutes in entries[1:])
    if revoked > 0:
        await _add(session, EntryKind.GRANTED, {lot: revoked}, now)


async def _empty(session: AsyncSession, kind: EntryKind, lot: CreditLot, now: datetime) -> int:
    left = lot.minutes_left
    if left:
        await _add(session, kind, {lot: -left}, now)
    return left


async def _add(
    session: AsyncSession,
    kind: EntryKind,
    minutes: Mapping[CreditLot, int],
    now: datetime,
    session_id: int | None = None,
) -> None:
    """Add entries with one statement, and keep the loaded lots at what the database's trigger makes of them.

    Ordered by lot, so that transactions that change the same lots don't deadlock.
    """
    in_order = sorted(minutes.items(), key=lambda one: one[0].id)
    rows = [
        {"lot_id": lot.id, "kind": kind, "minutes": change, "session_id": session_id, "at": now}
        for lot, change in in_order
    ]
    if rows:
        await session.execute(insert(CreditEntry), rows)
    for guild_id, user_id in sorted({(lot.guild_id, lot.user_id) for lot, change in in_order if change > 0}):
        await pay_steps.hurry(session, guild_id, user_id, now)
    for lot, change in in_order:
        set_committed_value(lot, "minutes_left", lot.minutes_left + change)
