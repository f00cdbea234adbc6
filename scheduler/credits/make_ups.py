"""Make-ups: credit for another session in place of one that was cancelled in good time."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditLot, Guild, LotSource, Participant, Payment, PaymentStatus, SessionStatus
from scheduler.core.errors import NotBookable
from scheduler.credits import grants, ledger
from scheduler.credits.lessons import was_unpaid
from scheduler.sessions import events, lessons

NOTICE = timedelta(hours=24)
"""How long before the start a student has to cancel."""
_COUNTED_FOR = timedelta(days=90)
_LOCK = 0x6D616B65
"""The first half of the keys of `_lock`."""
VALID_FOR = 60
"""In days."""


async def grant_if_owed(session: AsyncSession, seat: Participant, now: datetime) -> None:
    """Give the student of a cancelled session a make-up, if the server does that. There's one a session.

    It's for a session that was paid for outside: what credit or a card paid for is given back. A student gets a
    limited number for what they cancel, and one for each session that the coach or the bot cancels. There's none
    for a seat in a workshop, whose price says nothing about other sessions, nor for a weekly lesson that was
    cancelled with others, or more than a week ahead, before anyone pays for it.
    """
    row = seat.session
    is_paid_outside = seat.credit_minutes is None and seat.total_cost_minor > 0
    if row.status is not SessionStatus.CANCELLED or row.is_workshop or not is_paid_outside:
        return
    guild = await session.get_one(Guild, row.guild_id)
    if not guild.most_make_ups:
        return
    # The session is locked, so nobody else gives one for it.
    if await find(session, row.id) is not None or await _was_paid_by_card(session, row.id):
        return
    if await lessons.was_dropped(session, row) or await was_unpaid(session, row, now):
        return
    # A student who answers that a session without a room didn't take place doesn't cancel it.
    by_student = row.cancelled_by == seat.user_id and row.missed_at is None
    if by_student and (row.starts_at - now < NOTICE or await _has_most(session, guild, seat.user_id, now)):
        return
    lot = CreditLot(
        guild_id=row.guild_id,
        user_id=seat.user_id,
        source=LotSource.MAKE_UP,
        coach_ids=[row.coach_id],
        valid_until=grants.last_day_ends_at(guild, VALID_FOR, now),
        session_id=row.id,
        paid_minor=seat.booked_cost,
        currency=row.currency,
    )
    minutes = row.booked_duration // timedelta(minutes=1)
    await ledger.grant(session, lot, minutes, now)
    grants.announce(session, lot, now)
    events.record_by_bot(session, row, "make_up_granted", now, minutes=minutes)


async def take_back(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Take back the make-up for a weekly lesson that takes place after all. Raises NotBookable if it's spent."""
    lot = await find(session, row.id)
    if lot is None:
        return
    await session.refresh(lot, with_for_update=True)
    if lot.minutes_left < row.booked_duration // timedelta(minutes=1):
        raise NotBookable("The credit given in place of this lesson is spent, so it can't be brought back.")
    await ledger.revoke(session, lot, now)


async def find(session: AsyncSession, session_id: int) -> CreditLot | None:
    """Return the make-up that was given for a session, if there is one."""
    given = select(CreditLot).where(CreditLot.session_id == session_id, CreditLot.source == LotSource.MAKE_UP)
    return await session.scalar(given)


async def _was_paid_by_card(session: AsyncSession, session_id: int) -> bool:
    paid = select(Payment.id).where(Payment.session_id == session_id, Payment.status == PaymentStatus.PAID)
    return await session.scalar(paid.limit(1)) is not None


async def _has_most(session: AsyncSession, guild: Guild, user_id: int, now: datetime) -> bool:
    """Whether the student has had as many make-ups as the server gives for what they cancel themselves."""
    await _lock(session, user_id)
    own = (
        select(func.count())
        .select_from(CreditLot)
        .join(CoachingSession, CoachingSession.id == CreditLot.session_id)
        .where(
            CreditLot.guild_id == guild.id,
            CreditLot.user_id == user_id,
            CreditLot.source == LotSource.MAKE_UP,
            CreditLot.created_at > now - _COUNTED_FOR,
            CoachingSession.cancelled_by == user_id,
            CoachingSession.missed_at.is_(None),
        )
    )
    return (await session.scalar(own) or 0) >= guild.most_make_ups


async def _lock(session: AsyncSession, student_id: int) -> None:
    """Let one transaction at a time count a student's make-ups. SQLite lets in one at a time anyway.

    Not with `members.lock`: the session is locked already, and whoever reschedules it locks the people first.
    """
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK, student_id % 2**31)))
