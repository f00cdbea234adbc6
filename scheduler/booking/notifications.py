"""Notifications about a booking and what becomes of it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import NotificationKind, Payment, PaymentStatus, SessionStatus
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.sessions import charge_standing, lessons
from scheduler.sessions.charge_standing import ChargeStanding
from scheduler.sessions.lessons import OneOf


def _unless_cancelled(context: NotificationContext, _now: datetime) -> str | None:
    about = context.session
    return "it was cancelled" if about is not None and about.status is SessionStatus.CANCELLED else None


async def _payment(session: AsyncSession, context: NotificationContext, _now: datetime) -> Payment | None:
    """Return what was paid by card for a session when it was booked."""
    about = context.session
    if about is None:
        return None
    return await session.scalar(
        select(Payment).where(Payment.session_id == about.id, Payment.status == PaymentStatus.PAID).limit(1)
    )


class CancelledDetails(NamedTuple):
    """What's left of a cancelled session."""

    standing: ChargeStanding | None
    """What its reader can still do about what it cost."""
    lesson: OneOf | None
    """The weekly lessons that it was one of."""


async def _cancelled(session: AsyncSession, context: NotificationContext, now: datetime) -> CancelledDetails:
    about, reader_id = context.about_session, context.notification.user_id
    standing = (await charge_standing.standings(session, [about], reader_id, now)).get(about.id)
    return CancelledDetails(standing, await _lesson(session, context, now))


async def _lesson(session: AsyncSession, context: NotificationContext, _now: datetime) -> OneOf | None:
    return (await lessons.lessons_among(session, [context.about_session])).get(context.about_session.id)


def _once_it_is_decided(context: NotificationContext) -> datetime | None:
    details: CancelledDetails = context.details
    return charge_standing.closes_at(context.about_session, context.notification.user_id, details.standing)


KINDS = (
    Declaration(
        NotificationKind.SESSION_BOOKED,
        still_needed=_unless_cancelled,
        details=_payment,
        follows_session=True,
    ),
    Declaration(
        NotificationKind.SESSION_RESCHEDULED,
        still_needed=_unless_cancelled,
        details=_lesson,
        follows_session=True,
    ),
    Declaration(
        NotificationKind.SESSION_CANCELLED,
        details=_cancelled,
        follows_session=True,
        changes_at=_once_it_is_decided,
    ),
    Declaration(NotificationKind.PERSON_LEFT, follows_session=True),
)
