"""What becomes of someone's upcoming sessions when they leave the server or can no longer coach."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AHEAD,
    LONGEST_RESERVATION,
    CoachingSession,
    CoachStatus,
    Guild,
    Notification,
    NotificationKind,
    Participant,
)
from models.storage.database import Database
from scheduler.booking import cancellation, releases
from scheduler.booking.ports import Membership
from scheduler.booking.releases import Barred
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, NotInServer
from scheduler.core.row_locks import lock_coach, lock_sessions
from scheduler.notifications import outbox
from scheduler.sessions import events, planning
from scheduler.sessions.lessons import lessons_among


class Why(StrEnum):
    """Why someone is gone."""

    LEFT = "left"
    SUSPENDED = "suspended"


Leave = Callable[[AsyncSession, CoachingSession, int, datetime], Awaitable[None]]
_leaving: list[Leave] = []


def on_left_workshop(*leaving: Leave) -> None:
    """Register what happens, in the same transaction, when a participant of this workshop has left the server."""
    _leaving.extend(leaving)


async def present_members(
    db: Database, discord: Membership, clock: Clock, row: CoachingSession
) -> tuple[int, ...]:
    """Return which of its people are in the server, and handle the departure of whoever isn't.

    If Discord can't say, they count as present: one room too many is better than one too few. Raises NotInServer.
    """
    present: list[int] = []
    for user_id in row.people:
        try:
            is_present = await discord.is_member(row.guild_id, user_id)
        except NotInServer:
            raise
        except DiscordFailure:
            is_present = True
        if is_present:
            present.append(user_id)
        else:
            async with db.begin() as session:
                await handle_departure(session, row.guild_id, user_id, Why.LEFT, clock())
    return tuple(present)


async def handle_departure(
    session: AsyncSession, guild_id: int, user_id: int, why: Why, now: datetime, *, keep: bool | None = None
) -> int:
    """Cancel or keep this person's upcoming sessions here, and return how many were cancelled.

    What is held for them is released either way. Without `keep`, the server's setting decides. A student who
    leaves cancels them, perhaps too late; in a workshop they give up their seat. Ends a running session that it's
    too late to cancel. Notifies the others. Whoever left loses access to the rooms of sessions that are kept. Safe
    to call twice.
    """
    guild = await session.get_one(Guild, guild_id)
    keeps = guild.keep_after_departure if keep is None else keep
    await members.lock(session, user_id)
    is_news = why is Why.LEFT and await _hide_coach(session, guild_id, user_id, now)
    barred = Barred(guild_id, user_id, as_coach=True, as_student=why is Why.LEFT)
    await releases.release_barred(session, barred, now)
    cancelled = 0
    rows = await lock_sessions(session, *_upcoming(guild_id, user_id, now))
    lessons = await lessons_among(session, rows)
    told = {row_id for row_id, one in lessons.items() if one.ended_at == now}  # with one message about all of them
    for row in rows:
        if row.is_workshop and user_id != row.coach_id:
            for one in _leaving:
                await one(session, row, user_id, now)
            continue
        action = f"session_{'kept' if keeps else 'cancelled'}_{why}"
        if not keeps and await cancellation.can_only_be_ended(session, row, now):
            await cancellation.end_early(session, row, guild, now)
            action = f"session_ended_{why}"
        elif not keeps:
            unreachable = user_id if why is Why.LEFT else None
            by = Actor(user_id) if why is Why.LEFT and user_id != row.coach_id else None
            if by is not None:  # so that leaving is no way around what a late cancellation costs
                row.student.cancelled_late = cancellation.is_late(row, guild, by, now)
            reason = _reason(why, is_coach=user_id == row.coach_id)
            is_quiet = row.id in told
            await events.call_off(
                session, row, guild, reason, now, by=by, except_for=unreachable, is_quiet=is_quiet
            )
            cancelled += 1
        elif why is Why.LEFT:
            others = [one for one in row.people if one != user_id]
            was_told = Notification.user_id.in_(others)
            if not is_news and await outbox.was_enqueued(session, row.id, NotificationKind.PERSON_LEFT, was_told):
                continue
            await _keep_for(session, row, guild, others, now, is_told=row.id in told)
        audit.record(session, guild_id, action, at=now, coach_id=row.coach_id, session_id=row.id, details={})
    return cancelled


async def _keep_for(
    session: AsyncSession,
    row: CoachingSession,
    guild: Guild,
    others: Sequence[int],
    now: datetime,
    *,
    is_told: bool,
) -> None:
    """Open the room again for those who are still here, and tell them unless they're told already."""
    row.access_granted_at = None
    planning.plan_next_step(row, guild, now)
    left = NotificationKind.PERSON_LEFT
    for one in others:
        outbox.enqueue(session, left, guild.id, now=now, user_id=one, session_id=row.id)
    if is_told:  # their rows stay, as the mark that they are
        await session.flush()
        await outbox.drop(session, row.id, [left], "one message tells of all lessons", now)


def _reason(why: Why, *, is_coach: bool) -> str:
    if why is Why.SUSPENDED:
        return "The coach no longer coaches here."
    return f"The {'coach' if is_coach else 'student'} left the server."


async def _hide_coach(session: AsyncSession, guild_id: int, user_id: int, now: datetime) -> bool:
    """Stop offering a coach who has left; return whether they were offered. `membership_checks` undoes it."""
    coach = await lock_coach(session, guild_id, user_id)
    if coach is None or coach.status is not CoachStatus.APPROVED or coach.left_at is not None:
        return False
    coach.left_at = now
    return True


async def count_upcoming(session: AsyncSession, guild_id: int, user_id: int, now: datetime) -> int:
    """Count the sessions that `handle_departure` would cancel or keep."""
    counted = select(func.count()).select_from(CoachingSession).where(*_upcoming(guild_id, user_id, now))
    return await session.scalar(counted) or 0


def _upcoming(guild_id: int, user_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        CoachingSession.guild_id == guild_id,
        or_(
            CoachingSession.coach_id == user_id,
            CoachingSession.has_participant(user_id, Participant.starts_at > now - LONGEST_RESERVATION),
        ),
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.status.in_(AHEAD),
        CoachingSession.ends_at > now,
    )
