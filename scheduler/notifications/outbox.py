"""What people still have to be told: owing a notice, and when it is still worth sending."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Alert,
    AuditEntry,
    Block,
    Coach,
    CoachingSession,
    CoachSpecialty,
    Guild,
    Notification,
    NotificationKind,
    SessionStatus,
    Specialty,
)
from scheduler.attendance.attendance import Presence
from scheduler.notifications import reminder_times
from scheduler.reviews import reviews
from scheduler.time.time_zones import is_known

ALERT_KINDS = {NotificationKind.ALERT, NotificationKind.ALERT_RESOLVED}
"""For whoever runs the server: into the log channel, else the system channel, else to the owner."""
WELCOME_KINDS = {NotificationKind.WELCOME}
"""For a server that the bot is new in: where the bot may write, else to the owner."""
CARD_KINDS = {NotificationKind.APPLICATION_CARD, NotificationKind.APPEAL_CARD}
"""For the review channel."""
ROOM_KINDS = {NotificationKind.ROOM_WELCOME, NotificationKind.ROOM_ENDING, NotificationKind.ROOM_CLOSING}
"""For the chat of the session's room."""
CALENDAR_KINDS = {
    NotificationKind.SESSION_BOOKED,
    NotificationKind.SESSION_RESCHEDULED,
    NotificationKind.SESSION_CANCELLED,
}
"""Direct messages with a calendar file."""
_AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class NotificationContext:
    """One notice with the rows that its words are made of, as they are now."""

    notification: Notification
    guild: Guild
    coach: Coach | None
    specialties: list[str] = field(default_factory=list)
    session: CoachingSession | None = None
    alert: Alert | None = None
    channel_id: int | None = None
    """Where it goes unless it is a direct message; None for a problem or a welcome: wherever it will be seen."""
    attended: Mapping[int, Presence] = field(default_factory=dict)
    """How coach and student attended, where that is told."""
    may_go_on: bool = False
    """Whether both are free after the end, so that the session may become longer."""
    history: Sequence[AuditEntry] = ()
    """What became of the coach until now, oldest first, where that is told."""
    blocked: Sequence[Block] = ()
    """What the coach is blocked from, for messages that say so."""
    maybe_sent: bool = False
    """An earlier attempt may have got through without our knowing: look for the message first."""
    student_name: str | None = None
    """The student's name, for messages that say it. Whoever delivers the letter asks Discord."""

    @property
    def names_student(self) -> bool:
        """Whether it needs the student's name: we don't store it, and a calendar file can't show mentions."""
        about, notification = self.session, self.notification
        with_file = notification.kind in CALENDAR_KINDS and notification.route is None
        return with_file and about is not None and notification.user_id == about.coach_id


class PlannedNotification(NamedTuple):
    """A direct message about a session, as `owe_all` takes it."""

    kind: NotificationKind
    guild_id: int
    user_id: int
    session_id: int
    due_at: datetime
    lead_minutes: int | None = None


def enqueue(
    session: AsyncSession,
    kind: NotificationKind,
    guild_id: int,
    *,
    now: datetime,
    user_id: int | None = None,
    coach_id: int | None = None,
    session_id: int | None = None,
    alert_id: int | None = None,
    due_at: datetime | None = None,
    lead_minutes: int | None = None,
) -> Notification:
    """Promise a message, in the transaction that makes it necessary.

    It goes out with the next tick, or with the first one from `due_at` on.
    """
    notification = Notification(
        guild_id=guild_id,
        kind=kind,
        user_id=user_id,
        coach_id=coach_id,
        session_id=session_id,
        alert_id=alert_id,
        lead_minutes=lead_minutes,
        created_at=now,
        due_at=due_at or now,
    )
    session.add(notification)
    return notification


async def enqueue_all(session: AsyncSession, promises: Iterable[PlannedNotification], now: datetime) -> None:
    """Promise several messages with one statement, which costs a booking much less than a row each."""
    rows = [one._asdict() | {"created_at": now} for one in promises]
    if rows:
        # Else there would be one statement for those with a lead and one for those without.
        await session.execute(insert(Notification).execution_options(render_nulls=True), rows)


async def owe_newest(
    session: AsyncSession, kind: NotificationKind, guild_id: int, *, now: datetime, user_id: int, session_id: int
) -> None:
    """Like `owe`, but of several that are not out yet one is enough, since it will tell what is true by then.

    One that is being written on just now is left alone: waiting for it could be waiting in a circle.
    """
    waiting = await session.scalar(
        select(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.user_id == user_id,
            Notification.kind == kind,
            Notification.sent_at.is_(None),
            Notification.due_at.is_not(None),
        )
        .order_by(Notification.id.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if waiting is None:
        enqueue(session, kind, guild_id, now=now, user_id=user_id, session_id=session_id)
    else:
        requeue(waiting, now)


def requeue(notification: Notification, now: datetime) -> None:
    """Bring a message up to date, or send it if it has not gone out yet."""
    notification.revision += 1
    notification.due_at = now
    notification.attempts = 0
    notification.given_up_at = notification.undeliverable_at = None


async def renew_sent(session: AsyncSession, session_id: int, kind: NotificationKind, now: datetime) -> None:
    """Bring up to date what was said of a session in this way."""
    sent = select(Notification).where(Notification.session_id == session_id, Notification.kind == kind)
    for notification in await session.scalars(sent.where(Notification.message_id.is_not(None))):
        requeue(notification, now)


async def renew_newest(session: AsyncSession, session_id: int, kind: NotificationKind, now: datetime) -> None:
    """Update the newest message of this kind about a session. Older ones stay as they are."""
    newest = (
        select(Notification)
        .where(Notification.session_id == session_id, Notification.kind == kind)
        .order_by(Notification.id.desc())
    )
    notification = await session.scalar(newest.limit(1))
    if notification is not None and notification.message_id is not None:
        requeue(notification, now)


async def drop(
    session: AsyncSession, session_id: int, kinds: Collection[NotificationKind], why: str, now: datetime
) -> None:
    """Take back what is owed of a session and has not gone out."""
    await session.execute(
        update(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.kind.in_(kinds),
            Notification.due_at.is_not(None),
            Notification.sent_at.is_(None),
        )
        .values(due_at=None, given_up_at=now, last_error=why, revision=Notification.revision + 1)
    )


async def application_card(session: AsyncSession, guild_id: int, coach_id: int) -> Notification | None:
    """The newest card about this person's application."""
    return await session.scalar(
        select(Notification)
        .where(
            Notification.guild_id == guild_id,
            Notification.coach_id == coach_id,
            Notification.kind == NotificationKind.APPLICATION_CARD,
        )
        .order_by(Notification.id.desc())
        .limit(1)
    )


def why_pointless(context: NotificationContext, now: datetime) -> str | None:
    """Why this need not be said any more; None while it helps. A message that is late must not mislead."""
    about, kind = context.session, context.notification.kind
    if context.alert is not None and kind is NotificationKind.ALERT and context.alert.fixed_at is not None:
        return "it works again"
    if context.coach is not None and _has_chosen(context.coach, context):
        return "they have already chosen"
    if about is None:
        return None
    if context.notification.message_id is not None:
        if kind in ROOM_KINDS and context.notification.channel_id != about.discord_channel_id:
            return "its room is gone"
        return None  # one that stands already is brought up to date, whatever has become of the session
    cancelled = about.status is SessionStatus.CANCELLED
    match kind:
        case NotificationKind.SESSION_BOOKED | NotificationKind.SESSION_RESCHEDULED if cancelled:
            return "it was cancelled"
        case NotificationKind.SESSION_REMINDER:
            return reminder_times.why_pointless(context.notification, about, context.guild, now)
        case NotificationKind.ROOM_OPEN | NotificationKind.ROOM_WELCOME | NotificationKind.ROOM_ENDING:
            is_open = about.status in _AHEAD and about.access_granted_at is not None and now < about.ends_at
            return None if is_open else "the room is not open"
        case NotificationKind.ROOM_CLOSING:
            return None if about.room_removed_at is None else "the room is gone"
        case NotificationKind.REVIEW_REQUEST:
            is_open = about.status is SessionStatus.COMPLETED and now < reviews.open_until(about)
            return None if is_open else "there is nothing to review (any more)"
        case NotificationKind.NO_SHOW:
            return None if about.status is SessionStatus.NO_SHOW else "it is no no-show any more"
        case NotificationKind.SESSION_MISSED:
            if now > about.ends_at + reviews.OPEN_FOR:
                return "it is too late to answer"
            return None if about.took_place is None else "it was answered"
        case _:
            return None


def _has_chosen(coach: Coach, context: NotificationContext) -> bool:
    """Whether the coach has already done what the message asks."""
    if context.notification.kind is NotificationKind.ZONE_LOST:
        return is_known(coach.time_zone)
    return (
        context.notification.kind is NotificationKind.CURRENCY_CHANGED and coach.currency == context.guild.currency
    )


async def coach_specialties(session: AsyncSession, guild_id: int, coach_id: int) -> list[str]:
    """What one coach teaches, in the order of the server's list."""
    names = await session.scalars(
        select(Specialty.name)
        .join(CoachSpecialty, CoachSpecialty.specialty_id == Specialty.id)
        .where(CoachSpecialty.guild_id == guild_id, CoachSpecialty.coach_id == coach_id)
        .order_by(Specialty.id)
    )
    return list(names)
