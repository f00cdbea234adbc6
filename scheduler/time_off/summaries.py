"""What people are told because a coach is away: one summary a person, however many sessions change."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absence,
    AbsenceNews,
    AbsenceOutcome,
    CoachingSession,
    CreditEntry,
    CreditLot,
    EntryKind,
    LotSource,
    Notification,
    NotificationKind,
    Payment,
    PaymentStatus,
    Workshop,
)
from scheduler.notifications import outbox
from scheduler.sessions import lookup

_GATHERED_FOR = timedelta(minutes=1)
"""How long a summary waits for more, so that a coach who decides about one session after the other sends one."""
_LONGEST = timedelta(minutes=10)
_REPLACED = [NotificationKind.SESSION_CANCELLED, NotificationKind.SESSION_RESCHEDULED]
_CHANGED = (AbsenceOutcome.RESCHEDULED, AbsenceOutcome.CANCELLED)
_WHY = "it's in the summary of what changes while the coach is away"


class Line(NamedTuple):
    """A session, and what became of it."""

    session: CoachingSession
    outcome: AbsenceOutcome
    was_at: datetime
    workshop: Workshop | None
    make_up_minutes: int | None
    """The credit that its student got in its place."""
    is_paid_by_card: bool
    """Whether the reader paid for it by card."""


class Summary(NamedTuple):
    """What one person reads."""

    absence: Absence
    lines: Sequence[Line]


async def tell(
    session: AsyncSession,
    absence: Absence,
    row: CoachingSession,
    outcome: AbsenceOutcome,
    was_at: datetime,
    people: Iterable[int],
    now: datetime,
) -> None:
    """Say in each person's summary what became of a session, in place of what else they'd be sent about that."""
    if outcome in _CHANGED:
        await outbox.drop(session, row.id, _REPLACED, _WHY, now)
        await _drop_make_ups(session, row, now)
    for user_id in people:
        message = await _summary_to(session, absence, user_id, now)
        known = await session.get(AbsenceNews, (message.id, row.id))
        if known is None:
            session.add(AbsenceNews(notification_id=message.id, session_id=row.id, outcome=outcome, was_at=was_at))
        else:
            known.outcome = outcome
    await session.flush()


async def _summary_to(session: AsyncSession, absence: Absence, user_id: int, now: datetime) -> Notification:
    """Return the summary that hasn't been sent to this person yet, or a new one.

    One that another transaction holds is left alone, because waiting for it could deadlock.
    """
    waiting = await session.scalar(
        select(Notification)
        .where(
            Notification.absence_id == absence.id,
            Notification.user_id == user_id,
            Notification.kind == NotificationKind.ABSENCE_SUMMARY,
            Notification.sent_at.is_(None),
            Notification.due_at.is_not(None),
        )
        .order_by(Notification.id.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if waiting is not None:
        outbox.requeue(waiting, now)
        waiting.due_at = max(now, min(now + _GATHERED_FOR, waiting.created_at + _LONGEST))
        return waiting
    made = outbox.enqueue(
        session,
        NotificationKind.ABSENCE_SUMMARY,
        absence.guild_id,
        now=now,
        due_at=now + _GATHERED_FOR,
        user_id=user_id,
        coach_id=absence.coach_id,
        absence_id=absence.id,
    )
    await session.flush()
    return made


async def _drop_make_ups(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Withdraw the messages about make-ups for a session: the summary has them."""
    theirs = select(CreditLot.id).where(CreditLot.session_id == row.id, CreditLot.source == LotSource.MAKE_UP)
    await session.execute(
        update(Notification)
        .where(
            Notification.lot_id.in_(theirs),
            Notification.kind == NotificationKind.CREDITS_GRANTED,
            Notification.sent_at.is_(None),
            Notification.due_at.is_not(None),
        )
        .values(due_at=None, given_up_at=now, last_error=_WHY, revision=Notification.revision + 1)
    )


async def read(session: AsyncSession, message: Notification) -> Summary | None:
    """Return what a summary says, soonest first."""
    absence = await session.get(Absence, message.absence_id or 0)
    if absence is None:
        return None
    found = await session.execute(
        select(AbsenceNews, CoachingSession)
        .join(CoachingSession, CoachingSession.id == AbsenceNews.session_id)
        .where(AbsenceNews.notification_id == message.id)
        .order_by(AbsenceNews.was_at, AbsenceNews.session_id)
    )
    news = [(one, row) for one, row in found]
    rows = [row for _, row in news]
    ids = [row.id for row in rows]
    workshops = await lookup.workshops_of(session, rows)
    made_up = await _make_ups(session, ids)
    paid = await _paid_by_card(session, ids, message.user_id)
    return Summary(
        absence,
        [
            Line(row, one.outcome, one.was_at, workshops.get(row.id), made_up.get(row.id), row.id in paid)
            for one, row in news
        ],
    )


async def _make_ups(session: AsyncSession, session_ids: Sequence[int]) -> dict[int | None, int]:
    """Return the minutes of make-ups that were given for these sessions."""
    given = CreditLot.session_id.in_(session_ids), CreditLot.source == LotSource.MAKE_UP
    found = await session.execute(
        select(CreditLot.session_id, func.sum(CreditEntry.minutes))
        .join(CreditEntry, CreditEntry.lot_id == CreditLot.id)
        .where(*given, CreditEntry.kind == EntryKind.GRANTED)
        .group_by(CreditLot.session_id)
    )
    return {session_id: int(minutes) for session_id, minutes in found}


async def _paid_by_card(session: AsyncSession, session_ids: Sequence[int], user_id: int | None) -> set[int | None]:
    theirs = Payment.session_id.in_(session_ids), Payment.user_id == user_id
    return set(
        await session.scalars(select(Payment.session_id).where(*theirs, Payment.status == PaymentStatus.PAID))
    )
