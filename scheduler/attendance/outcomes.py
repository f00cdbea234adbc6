"""How a session ends: completed, a no-show, or unknown because no room was open."""

from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    CoachingSession,
    Guild,
    Notification,
    NotificationKind,
    Participant,
    ParticipantStatus,
    Reservation,
    SessionStatus,
)
from scheduler.attendance import attendance, excuses
from scheduler.attendance.ports import Barrier
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotFound, TooLate
from scheduler.core.row_locks import lock_coach
from scheduler.notifications import outbox
from scheduler.reviews import reviews
from scheduler.sessions import events, lookup
from scheduler.time.intervals import Interval

_IS_LASTING = or_(Notification.given_up_at.is_(None), Notification.sent_at.is_not(None))
"""Whether a message was delivered, or still will be."""


async def finish(
    session: AsyncSession,
    row: CoachingSession,
    guild: Guild,
    now: datetime,
    kept_out: Mapping[int, Barrier] = MappingProxyType({}),
) -> None:
    """Decide from the attendance how a session ended whose time is up, and notify those concerned.

    If no room was ever open, nobody can tell: it counts as completed, and all of them are asked. If the bot was
    removed from the server, nobody is absent. Absent people who were `kept_out` are excused, and if nobody else is
    absent, the session is cancelled.
    """
    row.updated_at = now
    if await _was_missed(session, row, guild):
        row.status, row.missed_at = SessionStatus.COMPLETED, now
        events.notify_people(session, row, NotificationKind.SESSION_MISSED, now)
        await outbox.requeue_direct(session, row.id, now)
        await events.settle(session, row, now)
        events.record_by_bot(session, row, "session_missed", now)
        return
    if not row.taking_part:
        await events.call_off(session, row, guild, "Nobody took a seat.", now)
        events.record_by_bot(session, row, "session_cancelled_empty", now)
        return
    missing = await absent_ids(session, row, guild, row.ends_at)
    excused = await excuses.valid(session, row, guild, {one: kept_out[one] for one in missing & kept_out.keys()})
    await excuses.alert_admins(session, row, excused, now)
    if missing and excused.keys() == missing and _is_missed(row, missing):
        await events.call_off(session, row, guild, excuses.reason(row, excused), now)
        events.record_by_bot(session, row, "session_excused", now)
        return
    absent = missing - excused.keys()
    if not absent:
        await excuses.resolve_alerts(session, row, now)
    for one in row.taking_part if row.is_workshop else ():
        if one.user_id in excused:
            one.status, one.cancelled_late = ParticipantStatus.LEFT, False
    await conclude(session, row, absent, now)
    is_missed = row.status is SessionStatus.NO_SHOW
    events.record_by_bot(session, row, "session_no_show" if is_missed else "session_completed", now)


async def absent_ids(session: AsyncSession, row: CoachingSession, guild: Guild, ends_at: datetime) -> set[int]:
    """Return who would count as absent if the session ended then, before any excuses."""
    if guild.bot_removed_at is not None or await _was_missed(session, row, guild):
        return set()
    return await find_absent(session, row, guild, ends_at)


async def _was_missed(session: AsyncSession, row: CoachingSession, guild: Guild) -> bool:
    is_unwatched = row.access_granted_at is None or guild.bot_removed_at is not None
    return is_unwatched and not await attendance.anyone_came(session, row)


def recorded_absent(row: CoachingSession) -> set[int]:
    """Return who counts as absent, as it's stored."""
    missed = {one.user_id for one in row.participants if one.status is ParticipantStatus.NO_SHOW}
    return missed | ({row.coach_id} if row.coach_absent else set())


async def find_absent(session: AsyncSession, row: CoachingSession, guild: Guild, ends_at: datetime) -> set[int]:
    """Find who would be absent if the session ended then. The room has been open for some of it."""
    stays = await attendance.stays_of(session, row.id, ends_at)
    grace = timedelta(minutes=guild.no_show_grace_minutes)
    late_at = {one: attendance.grace_ends_at(row, grace, ends_at, user_id=one) for one in row.people}
    coach_id, *participant_ids = row.people
    return attendance.determine_absent(stays, coach_id, participant_ids, Interval(row.starts_at, ends_at), late_at)


async def conclude(
    session: AsyncSession, row: CoachingSession, absent: Set[int], now: datetime, *, by: Actor | None = None
) -> None:
    """Store who was absent and the outcome, and notify those concerned of a no-show, except `by`.

    If the session itself is a no-show, that's everybody, else only those who are newly absent. Each participant
    who was there is asked for a review, once.
    """
    known = recorded_absent(row)
    mark_absent(row, absent)
    is_missed = row.status is SessionStatus.NO_SHOW
    told = row.people if is_missed and absent - known else absent - known
    coach_last = [one for one in (*row.people[1:], row.coach_id) if one in told]
    for user_id in (one for one in coach_last if by is None or one != by.user_id):
        kind = NotificationKind.NO_SHOW
        outbox.enqueue(session, kind, row.guild_id, now=now, user_id=user_id, session_id=row.id)
    for one in row.participants:
        if not is_missed and one.status is ParticipantStatus.ATTENDED:
            await _ask_for_review(session, one, now)
    await events.update_room_messages(session, row, now)
    await outbox.requeue_direct(session, row.id, now)
    await events.settle(session, row, now)


async def _ask_for_review(session: AsyncSession, seat: Participant, now: datetime) -> None:
    kind, theirs = NotificationKind.REVIEW_REQUEST, Notification.user_id == seat.user_id
    if not await outbox.was_enqueued(session, seat.session_id, kind, theirs, _IS_LASTING):
        outbox.enqueue(session, kind, seat.guild_id, now=now, user_id=seat.user_id, session_id=seat.session_id)


def mark_absent(row: CoachingSession, absent: Set[int]) -> None:
    """Store who was absent, and the outcome that follows from it: a no-show if the coach was, or all others."""
    row.coach_absent = row.coach_id in absent
    for one in row.taking_part:
        one.status = ParticipantStatus.NO_SHOW if one.user_id in absent else ParticipantStatus.ATTENDED
    row.status = SessionStatus.NO_SHOW if _is_missed(row, absent) else SessionStatus.COMPLETED


def _is_missed(row: CoachingSession, absent: Set[int]) -> bool:
    """Whether nobody could meet: the coach was absent, or everybody else."""
    coach_id, *participant_ids = row.people
    return coach_id in absent or absent >= set(participant_ids)


def answers_close_at(row: CoachingSession) -> datetime:
    """Return when people can no longer say whether a session that the bot missed took place."""
    return row.ends_at + reviews.OPEN_FOR


async def answer_whether_it_took_place(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, answer: bool, now: datetime
) -> CoachingSession:
    """Answer whether a session that the bot missed took place. The first answer counts; the other person is told.

    Raises NotFound to anyone but its coach and participants, AlreadyDecided for another answer than the first, and
    TooLate a week after the end.
    """
    found = await lookup.find_visible(session, session_id, actor, guild_id)
    await lock_coach(session, found.guild_id, found.coach_id)  # before the session, as everywhere
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=True)
    if actor.user_id not in found.people or found.missed_at is None:
        raise NotFound("There's nothing to answer about this session. `/sessions` lists yours.")
    if found.took_place is not None:
        if found.took_place is answer:
            return found
        said = "it took place" if found.took_place else "it didn't take place"
        raise AlreadyDecided(f"That's been answered already: {said}. If that's wrong, talk to an admin.")
    if now >= answers_close_at(found):
        raise TooLate(
            "It's too late to answer: you had a week after the session. If it matters, talk to an admin."
        )
    found.took_place, found.updated_at = answer, now
    if answer:
        await conclude(session, found, set(), now)
    else:
        found.status, found.cancelled_at, found.cancelled_by = SessionStatus.CANCELLED, now, actor.user_id
        found.cancel_reason = "It didn't take place."
        await session.execute(delete(Reservation).where(Reservation.session_id == found.id))
        await reviews.hide_automatically(session, found, now)
        await outbox.requeue_direct(session, found.id, now)
        await events.settle(session, found, now)
        found.revision += 1
    events.notify_people(session, found, NotificationKind.ATTENDANCE_CHANGED, now, except_for=actor.user_id)
    events.record(session, found, "session_took_place" if answer else "session_did_not_take_place", actor, now)
    return found
