"""Notifications about who was there, and questions about it."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import NotificationKind, SessionStatus
from scheduler.attendance import attendance
from scheduler.attendance.attendance import Presence
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext
from scheduler.reviews import reviews


def _while_it_is_a_no_show(context: NotificationContext, _now: datetime) -> str | None:
    about = context.session
    return None if about is not None and about.status is SessionStatus.NO_SHOW else "it isn't a no-show any more"


def _until_answered(context: NotificationContext, now: datetime) -> str | None:
    about = context.session
    if about is None or now >= about.ends_at + reviews.OPEN_FOR:
        return "it's too late to answer"
    return None if about.took_place is None else "it's been answered"


def _awaits_decision(context: NotificationContext) -> bool:
    return context.session is not None and context.session.appeal_decided_at is None


async def _attended(session: AsyncSession, context: NotificationContext, now: datetime) -> Mapping[int, Presence]:
    return await attendance.attended(session, context.session, now) if context.session is not None else {}


KINDS = (
    Declaration(
        NotificationKind.NO_SHOW, still_needed=_while_it_is_a_no_show, details=_attended, follows_session=True
    ),
    Declaration(NotificationKind.ATTENDANCE_CHANGED),
    Declaration(NotificationKind.SESSION_MISSED, still_needed=_until_answered, follows_session=True),
    Declaration(
        NotificationKind.APPEAL_CARD, Audience.REVIEW_CHANNEL, details=_attended, awaits_decision=_awaits_decision
    ),
)
