"""Notifications about who was there, and questions about it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import NotificationKind, SessionStatus
from scheduler.attendance import attendance, no_shows, outcomes
from scheduler.attendance.attendance import Presence
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext
from scheduler.sessions import charge_standing, lifecycle
from scheduler.sessions.charge_standing import ChargeStanding


class NoShowDetails(NamedTuple):
    """Who was in the room, and what the reader can do about a charge or a refund."""

    attended: Mapping[int, Presence]
    standing: ChargeStanding | None


def _while_it_is_a_no_show(context: NotificationContext, _now: datetime) -> str | None:
    about, reader_id = context.session, context.notification.user_id
    is_one = about is not None and (about.status is SessionStatus.NO_SHOW or no_shows.is_absent(about, reader_id))
    return None if is_one else "it isn't a no-show any more"


def _until_answered(context: NotificationContext, now: datetime) -> str | None:
    about = context.session
    if about is None or now >= outcomes.answers_close_at(about):
        return "it's too late to answer"
    return None if about.took_place is None else "it's been answered"


def _once_answers_close(context: NotificationContext) -> datetime | None:
    about = context.about_session
    return outcomes.answers_close_at(about) if about.took_place is None else None


def _once_corrections_close(context: NotificationContext) -> datetime | None:
    about, reader_id = context.about_session, context.notification.user_id
    can_answer = reader_id == about.coach_id or no_shows.is_absent(about, reader_id)
    return no_shows.corrections_close_at(about, reader_id) if can_answer else None


def _awaits_decision(context: NotificationContext) -> bool:
    about, whose = context.session, context.notification.about_user_id
    theirs = no_shows.appeal_of(about, whose) if about is not None else None
    return theirs is not None and theirs.decided_at is None


def _until_they_are_late(context: NotificationContext, now: datetime) -> str | None:
    about, late_id = context.session, context.notification.about_user_id
    if about is None or lifecycle.is_over(about, now):
        return "the session is over"
    return "the session was rescheduled" if about.late_minutes_of(late_id) is None else None


async def _attended(session: AsyncSession, context: NotificationContext, now: datetime) -> Mapping[int, Presence]:
    return await attendance.attended(session, context.session, now) if context.session is not None else {}


async def _no_show(session: AsyncSession, context: NotificationContext, now: datetime) -> NoShowDetails:
    about, reader_id = context.about_session, context.notification.user_id
    standings = await charge_standing.standings(session, [about], reader_id, now)
    return NoShowDetails(await _attended(session, context, now), standings.get(about.id))


def _once_it_is_decided(context: NotificationContext) -> datetime | None:
    found: NoShowDetails = context.details
    return charge_standing.closes_at(context.about_session, context.notification.user_id, found.standing)


KINDS = (
    Declaration(
        NotificationKind.NO_SHOW,
        still_needed=_while_it_is_a_no_show,
        details=_no_show,
        follows_session=True,
        expires_at=_once_corrections_close,
        changes_at=_once_it_is_decided,
    ),
    Declaration(NotificationKind.ATTENDANCE_CHANGED),
    Declaration(NotificationKind.RUNNING_LATE, still_needed=_until_they_are_late),
    Declaration(
        NotificationKind.SESSION_MISSED,
        still_needed=_until_answered,
        follows_session=True,
        expires_at=_once_answers_close,
    ),
    Declaration(
        NotificationKind.APPEAL_CARD, Audience.REVIEW_CHANNEL, details=_attended, awaits_decision=_awaits_decision
    ),
)
