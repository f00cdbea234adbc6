"""Asking students for a review."""

from datetime import datetime

from models import NotificationKind, SessionStatus
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.reviews import reviews


def _while_it_can_be_reviewed(context: NotificationContext, now: datetime) -> str | None:
    about = context.session
    is_open = about is not None and about.status is SessionStatus.COMPLETED and now < reviews.open_until(about)
    return None if is_open else "there's nothing left to review"


def _once_reviews_close(context: NotificationContext) -> datetime | None:
    about = context.about_session
    return reviews.open_until(about) if about.status is SessionStatus.COMPLETED else None


KINDS = (
    Declaration(
        NotificationKind.REVIEW_REQUEST,
        still_needed=_while_it_can_be_reviewed,
        follows_session=True,
        expires_at=_once_reviews_close,
    ),
)
