"""Notifications about a session's room, to both people and in the room."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import NotificationKind
from scheduler.attendance import lateness
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext
from scheduler.rooms import extensions
from scheduler.rooms.extensions import Answer, Terms
from scheduler.sessions import lifecycle


def _while_the_room_is_open(context: NotificationContext, now: datetime) -> str | None:
    about = context.session
    is_open = about is not None and about.access_granted_at is not None and not lifecycle.is_over(about, now)
    return None if is_open else "the room isn't open"


def _while_there_is_a_room(context: NotificationContext, _now: datetime) -> str | None:
    about = context.session
    return None if about is not None and about.room_removed_at is None else "the room is gone"


def _while_it_is_open(context: NotificationContext, now: datetime) -> str | None:
    if context.details is None or context.details.answer is not Answer.OPEN:
        return "the request has been answered"
    return _while_the_room_is_open(context, now)


class ExtensionRequest(NamedTuple):
    """A request to extend a session, as its message says it."""

    answer: Answer
    terms: Terms


async def _offer(session: AsyncSession, context: NotificationContext, now: datetime) -> Terms | None:
    """Return the terms on which people can ask for more time, if they can."""
    if context.session is None:
        return None
    return await extensions.offer(session, context.session, context.guild, now)


async def _request(session: AsyncSession, context: NotificationContext, now: datetime) -> ExtensionRequest | None:
    if context.session is None:
        return None
    answer = await extensions.answer_to(session, context.session, context.notification, now)
    return ExtensionRequest(answer, extensions.terms_of(context.session, context.guild))


async def _can_be_late(session: AsyncSession, context: NotificationContext, now: datetime) -> bool:
    """Whether its reader can say that they'll be late."""
    about, reader_id = context.session, context.notification.user_id or 0
    return about is not None and lateness.can_say(about, context.guild, reader_id, now)


def _once_nobody_can_be_late(context: NotificationContext) -> datetime | None:
    reader_id = context.notification.user_id or 0
    return lateness.closes_at(context.about_session, context.guild, reader_id) if context.details else None


KINDS = (
    Declaration(
        NotificationKind.ROOM_OPEN,
        still_needed=_while_the_room_is_open,
        details=_can_be_late,
        follows_session=True,
        expires_at=_once_nobody_can_be_late,
    ),
    Declaration(NotificationKind.ROOM_WELCOME, Audience.ROOM, _while_the_room_is_open, _offer),
    Declaration(NotificationKind.ROOM_EXTENSION, Audience.ROOM, _while_it_is_open, _request),
    Declaration(NotificationKind.ROOM_ENDING, Audience.ROOM, _while_the_room_is_open, _offer),
    Declaration(NotificationKind.ROOM_CLOSING, Audience.ROOM, _while_there_is_a_room),
)
