"""The message that announces a workshop, and keeping it true."""

from datetime import datetime, timedelta

from sqlalchemy import case, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Notification, NotificationKind, UTCDateTime, Workshop
from scheduler.notifications import outbox
from scheduler.sessions.freed_times import FreedSeat

EDITED_AFTER = timedelta(seconds=30)
"""How long after a change the message is edited, so that it's edited once for many.

Discord limits edits of messages older than an hour (30046), and each press answers with what's true anyway."""


def announce(session: AsyncSession, workshop: Workshop, coach_id: int, now: datetime) -> None:
    """Enqueue the message in the server's channel for workshops."""
    outbox.enqueue(
        session,
        NotificationKind.WORKSHOP_ANNOUNCEMENT,
        workshop.guild_id,
        now=now,
        coach_id=coach_id,
        session_id=workshop.session_id,
    )


async def update_announcement(session: AsyncSession, session_id: int, now: datetime) -> None:
    """Have the message edited, at most once in `EDITED_AFTER`. One that couldn't be sent is tried again.

    Call it last: whoever else changes the workshop waits for it until the transaction ends.
    """
    # Typed, since SQLite would store text otherwise.
    at_once, later = (literal(at, UTCDateTime()) for at in (now, now + EDITED_AFTER))
    is_new = Notification.tried_at.is_(None)
    await session.execute(
        update(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.kind == NotificationKind.WORKSHOP_ANNOUNCEMENT,
        )
        .values(
            due_at=case(
                (Notification.due_at > now, Notification.due_at),
                (is_new, func.coalesce(Notification.due_at, at_once)),
                else_=later,
            ),
            revision=Notification.revision + 1,  # it may be being sent right now, with what was true
            attempts=0,
            given_up_at=None,
            undeliverable_at=None,
        )
        .execution_options(synchronize_session=False)
    )


async def follow_freed_seat(session: AsyncSession, freed: FreedSeat, now: datetime) -> None:
    """Have the message say how many seats are free, because one was freed or is kept for the waiting list."""
    await update_announcement(session, freed.session_id, now)


async def find_message(session: AsyncSession, session_id: int) -> tuple[int, int] | None:
    """Return the ids of the channel and the message; None as long as it isn't sent."""
    message = await session.scalar(
        select(Notification).where(
            Notification.session_id == session_id,
            Notification.kind == NotificationKind.WORKSHOP_ANNOUNCEMENT,
        )
    )
    if message is None or message.channel_id is None or message.message_id is None:
        return None
    return message.channel_id, message.message_id
