"""Notifications about a booking and what becomes of it."""

from datetime import datetime

from models import NotificationKind, SessionStatus
from scheduler.notifications.kinds import Declaration, NotificationContext


def _unless_cancelled(context: NotificationContext, _now: datetime) -> str | None:
    about = context.session
    return "it was cancelled" if about is not None and about.status is SessionStatus.CANCELLED else None


KINDS = (
    Declaration(NotificationKind.SESSION_BOOKED, still_needed=_unless_cancelled, follows_session=True),
    Declaration(NotificationKind.SESSION_RESCHEDULED, still_needed=_unless_cancelled, follows_session=True),
    Declaration(NotificationKind.SESSION_CANCELLED),
    Declaration(NotificationKind.PERSON_LEFT, follows_session=True),
)
