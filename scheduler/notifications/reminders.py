"""Reminders of upcoming sessions: planned with the booking, replanned on changes, and turned off by people."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Member, Notification, NotificationKind, SessionStatus
from models.storage.database import insert_if_absent
from scheduler.core import members
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import outbox
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.notifications.outbox import PlannedNotification
from scheduler.notifications.reminder_times import TOO_SOON, reminder_times


def planned_reminders(
    row: CoachingSession, guild: Guild, now: datetime, *, only: int | None = None
) -> list[PlannedNotification]:
    """Plan reminders for participants and coach, or `only` one of them, except those due within `TOO_SOON`.

    People who turned reminders off get theirs too, in case they change their minds. That's checked on delivery.
    """
    return [
        PlannedNotification(
            NotificationKind.SESSION_REMINDER,
            row.guild_id,
            user_id,
            row.id,
            due_at=row.starts_at - lead,
            lead_minutes=lead // timedelta(minutes=1),
        )
        for lead in reminder_times(guild)
        if row.starts_at - lead >= now + TOO_SOON
        for user_id in (*row.people[1:], row.coach_id)
        if only in (None, user_id)
    ]


async def plan(session: AsyncSession, row: CoachingSession, guild: Guild, now: datetime) -> None:
    """Enqueue the reminders of a session that has none yet."""
    await outbox.enqueue_all(session, planned_reminders(row, guild, now), now)


async def replan(session: AsyncSession, guild: Guild, now: datetime) -> None:
    """Replan the reminders of all upcoming sessions of the server after its reminder times changed.

    Reminders whose time stays aren't touched, even while they're being retried.
    """
    upcoming = await lock_sessions(  # so that none is rescheduled at the same time
        session,
        CoachingSession.guild_id == guild.id,
        CoachingSession.status == SessionStatus.SCHEDULED,
        CoachingSession.starts_at > now,
    )
    wanted = [lead // timedelta(minutes=1) for lead in reminder_times(guild)]
    ours = Notification.guild_id == guild.id
    why = "the server's reminder times were changed"
    await session.execute(
        update(Notification)
        .where(*_WAITING, ours, Notification.lead_minutes.not_in(wanted))
        # A new revision, so that an attempt that fails right now doesn't bring it back.
        .values(due_at=None, given_up_at=now, last_error=why, revision=Notification.revision + 1)
    )
    columns = Notification.session_id, Notification.user_id, Notification.lead_minutes
    enqueued = {tuple(one) for one in await session.execute(select(*columns).where(ours, *_WAITING))}
    new = (one for row in upcoming for one in planned_reminders(row, guild, now))
    missing = [one for one in new if (one.session_id, one.user_id, one.lead_minutes) not in enqueued]
    await outbox.enqueue_all(session, missing, now)


async def set_off(session: AsyncSession, user_id: int, *, off: bool) -> None:
    """Turn this person's reminders off or on, in all servers."""
    await insert_if_absent(session, Member, user_id=user_id)
    await session.execute(update(Member).where(Member.user_id == user_id).values(reminders_off=off))


_WAITING = (Notification.kind == NotificationKind.SESSION_REMINDER, Notification.due_at.is_not(None))


def _still_needed(context: NotificationContext, now: datetime) -> str | None:
    """A late reminder helps until the start, unless a later one is due as well."""
    notification, about = context.notification, context.session
    if about is None or about.status is not SessionStatus.SCHEDULED or about.starts_at <= now:
        return "the session has begun or was cancelled"
    lead, times = timedelta(minutes=notification.lead_minutes or 0), reminder_times(context.guild)
    if notification.due_at is None or now < about.starts_at - lead:
        return "the session was rescheduled"
    if lead not in times:
        return "the server's reminder times were changed"
    if any(about.starts_at - other <= now for other in times if other < lead):
        return "a later reminder is due as well"
    return "they want no reminders" if context.details else None


async def _turned_off(session: AsyncSession, context: NotificationContext, _now: datetime) -> bool:
    """Whether the recipient turned reminders off."""
    return await members.has_reminders_off(session, context.notification.user_id or 0)


async def _record_reminded(session: AsyncSession, context: NotificationContext) -> None:
    # Before the notification is locked, because rescheduling and cancelling lock the session first, too.
    if (seen := context.session) is not None:
        same = CoachingSession.id == seen.id, CoachingSession.starts_at == seen.starts_at
        await session.execute(update(CoachingSession).where(*same).values(reminder_sent=True))


KINDS = (
    Declaration(
        NotificationKind.SESSION_REMINDER,
        still_needed=_still_needed,
        details=_turned_off,
        follows_session=True,
        on_sent=_record_reminded,
    ),
)
