"""Notifications of workshops."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, NotificationKind, Participant, ParticipantStatus, Workshop
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext
from scheduler.sessions import charge_standing, lifecycle
from scheduler.sessions.charge_standing import ChargeStanding
from scheduler.workshops.free_seats import free_seats


class WorkshopDetails(NamedTuple):
    """A workshop as it is now. The context has its session, with everybody who takes part."""

    workshop: Workshop
    free: int
    """How many seats are free."""
    seat: Participant | None = None
    """The participant whom the message is about, if it's about one."""
    has_begun: bool = False
    standing: ChargeStanding | None = None
    """What that participant paid by card or with credit, and what becomes of it."""


async def _load(session: AsyncSession, context: NotificationContext, now: datetime) -> WorkshopDetails | None:
    about, user_id = context.about_session, context.notification.about_user_id
    workshop = await session.get(Workshop, about.id)
    if workshop is None:
        return None
    free = await free_seats(session, [about.id], now)
    seat = about.participant(user_id) if user_id else None
    paid = (await charge_standing.standings(session, [about], user_id, now)).get(about.id) if seat else None
    return WorkshopDetails(workshop, free[about.id], seat, lifecycle.has_started(about, now), paid)


def _before_start(context: NotificationContext, now: datetime) -> str | None:
    about = context.about_session
    return None if about.status in AHEAD and now < about.starts_at else "it has begun or was cancelled"


def _while_taken(context: NotificationContext, now: datetime) -> str | None:
    details: WorkshopDetails | None = context.details
    has_seat = details and details.seat and details.seat.status is not ParticipantStatus.LEFT
    return _before_start(context, now) if has_seat else "they gave the seat back"


def _once_it_is_decided(context: NotificationContext) -> datetime | None:
    details: WorkshopDetails | None = context.details
    reader_id = context.notification.user_id
    return charge_standing.closes_at(context.about_session, reader_id, details.standing if details else None)


async def _remember_channel(session: AsyncSession, context: NotificationContext) -> None:
    """Remember where it was announced, and have it made a scheduled event, now that there's a link to it."""
    theirs = Workshop.session_id == context.about_session.id
    await session.execute(update(Workshop).where(theirs).values(channel_id=context.channel_id))
    if context.guild.mirrors_workshops:
        sooner = or_(Workshop.next_step_at.is_(None), Workshop.next_step_at > context.notification.due_at)
        soon = update(Workshop).where(theirs, Workshop.has_event.is_(True), sooner)
        await session.execute(soon.values(next_step_at=context.notification.due_at))


KINDS = (
    Declaration(
        NotificationKind.WORKSHOP_ANNOUNCEMENT,
        Audience.WORKSHOP_CHANNEL,
        _before_start,
        _load,
        on_sent=_remember_channel,
    ),
    Declaration(
        NotificationKind.WORKSHOP_CREATED, still_needed=_before_start, details=_load, follows_session=True
    ),
    Declaration(NotificationKind.SEAT_TAKEN, still_needed=_while_taken, details=_load, follows_session=True),
    Declaration(NotificationKind.SEAT_LEFT, details=_load, changes_at=_once_it_is_decided),
)
