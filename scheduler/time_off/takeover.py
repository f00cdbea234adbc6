"""Handing a session over to a substitute: that session only, at the price that was agreed."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    CoachingSession,
    CoachStatus,
    FreedTime,
    Guild,
    Hold,
    NotificationKind,
    Offer,
    Substitution,
    Workshop,
)
from scheduler.booking import releases, reservations
from scheduler.core import audit, coaches
from scheduler.notifications import kinds, outbox, reminders
from scheduler.sessions import events, lifecycle, planning
from scheduler.time_off import substitutes
from scheduler.workshops import announcements, steps

_WHY = "a substitute took the session over"


async def take_over(session: AsyncSession, question: Substitution, row: CoachingSession, now: datetime) -> bool:
    """Give the session to the substitute, or return False with nothing changed if that can't be.

    Its people and the session must be locked. The students' time stays reserved, and the coach's own is free.
    """
    substitute = await coaches.find(session, row.guild_id, question.substitute_id)
    if (
        substitute is None
        or substitute.status is not CoachStatus.APPROVED
        or substitute.left_at is not None
        or lifecycle.has_started(row, now)
        or (row.coach_id, row.starts_at) != (question.coach_id, question.starts_at)
        or await substitutes.is_involved(session, row, question.substitute_id)
    ):
        return False
    if (held := question.hold_id) is not None:
        question.hold_id = None
        await session.flush()
        await releases.drop(session, held)
    if not await reservations.hand_over(session, row, substitute, now):
        return False
    guild = await session.get_one(Guild, row.guild_id)
    await _change_coach(session, row, question, now)
    was_open, row.access_granted_at = row.access_granted_at is not None, None
    planning.plan_next_step(row, guild, now)
    await _tell(session, row, guild, question, now, was_open=was_open)
    audit.record(
        session,
        row.guild_id,
        "session_taken_over",
        at=now,
        coach_id=question.substitute_id,
        session_id=row.id,
        member_id=question.coach_id,
    )
    if row.is_workshop:
        steps.plan(await session.get_one(Workshop, row.id), row, now, soon=True)
        await announcements.update_announcement(session, row.id, now)
    return True


async def _change_coach(
    session: AsyncSession, row: CoachingSession, question: Substitution, now: datetime
) -> None:
    """Change the coach, also where it's a copy. The database changes the participants' copies along."""
    row.coach_id, row.updated_at = question.substitute_id, now
    row.revision += 1
    row.kept_at = row.coach_late_minutes = None  # the other one decided and said that
    await session.flush()
    for one in row.participants:
        await session.refresh(one, ["coach_id"])
    for table in (FreedTime, Offer, Hold):  # of its seats
        theirs = table.session_id == row.id, table.coach_id == question.coach_id
        copies = update(table).where(*theirs).values(coach_id=question.substitute_id)
        await session.execute(copies.execution_options(synchronize_session=False))


async def _tell(
    session: AsyncSession,
    row: CoachingSession,
    guild: Guild,
    question: Substitution,
    now: datetime,
    *,
    was_open: bool,
) -> None:
    """Send the substitute what its coach gets, and nothing more to the one who's away."""
    following = kinds.following_sessions() | {NotificationKind.SESSION_REMINDER, NotificationKind.ROOM_OPEN}
    await outbox.drop(session, row.id, following, _WHY, now, user_id=question.coach_id)
    new_coach = question.substitute_id
    about = {"now": now, "user_id": new_coach, "session_id": row.id}
    outbox.enqueue(session, NotificationKind.SESSION_BOOKED, row.guild_id, **about)
    if was_open:
        outbox.enqueue(session, NotificationKind.ROOM_OPEN, row.guild_id, **about)
    await outbox.enqueue_all(session, reminders.planned_reminders(row, guild, now, only=new_coach), now)
    await events.update_room_messages(session, row, now)
    await outbox.requeue_direct(session, row.id, now)
