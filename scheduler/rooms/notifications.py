"""Notifications about a session's room, to both people and in the room."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import NotificationKind, SessionStatus
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext
from scheduler.rooms import in_room


def _while_the_room_is_open(context: NotificationContext, now: datetime) -> str | None:
    about = context.session
    is_open = (
        about is not None
        and about.status in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
        and about.access_granted_at is not None
        and now < about.ends_at
    )
    return None if is_open else "the room isn't open"


def _while_there_is_a_room(context: NotificationContext, _now: datetime) -> str | None:
    about = context.session
    return None if about is not None and about.room_removed_at is None else "the room is gone"


async def _can_extend(session: AsyncSession, context: NotificationContext, now: datetime) -> bool:
    return context.session is not None and await in_room.can_extend(session, context.session, now)


KINDS = (
    Declaration(NotificationKind.ROOM_OPEN, still_needed=_while_the_room_is_open),
    Declaration(NotificationKind.ROOM_WELCOME, Audience.ROOM, _while_the_room_is_open, _can_extend),
    Declaration(NotificationKind.ROOM_ENDING, Audience.ROOM, _while_the_room_is_open, _can_extend),
    Declaration(NotificationKind.ROOM_CLOSING, Audience.ROOM, _while_there_is_a_room),
)
