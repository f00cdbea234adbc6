"""Doing what `scheduler.lifecycle` says is due: at Discord first, then on the row.

Every step may run twice. A step that failed is retried with growing pauses kept on the row, and keeps neither
the session's other steps nor other sessions waiting.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, NoticeKind, SessionStatus, SessionType
from models.database import Database
from scheduler import audit, notices
from scheduler.bookings import lead_times
from scheduler.clock import Clock
from scheduler.lifecycle import HARD_LIMIT, Step, life_of, next_step, room_ends_at
from scheduler.ports import Access, Discord, DiscordFailure, Removal, RoomGone, RoomSpec

log = logging.getLogger(__name__)

_AT_ONCE = 8
_LOOK_AGAIN = timedelta(minutes=1)
_MOST_STEPS = 12  # a session has five; a room that keeps vanishing must not keep a tick from ending


async def advance_due(db: Database, discord: Discord, clock: Clock) -> tuple[list[str], list[str]]:
    """Advance every session that is due, side by side; returns what was done and what failed, a line each."""
    async with db.read() as session:
        due = list(
            await session.scalars(
                select(CoachingSession.id)
                .where(CoachingSession.next_step_at.is_not(None), CoachingSession.next_step_at <= clock())
                .order_by(CoachingSession.next_step_at, CoachingSession.id)
            )
        )
    gate = asyncio.Semaphore(_AT_ONCE)
    done: list[str] = []
    failed: list[str] = []

    async def one(session_id: int) -> None:
        async with gate:
            try:
                await _advance(db, discord, clock, session_id, done, failed)
            except Exception as error:  # the database itself, say; the others go on, and this one stays due
                log.exception("session %s could not be advanced", session_id)
                failed.append(f"session {session_id}: {type(error).__name__} (see the log)")

    await asyncio.gather(*(one(session_id) for session_id in due))
    return done, failed


async def _advance(
    db: Database, discord: Discord, clock: Clock, session_id: int, done: list[str], failed: list[str]
) -> None:
    """Do one session's due steps until none is left, and write down when to look again."""
    passed_over: set[Step] = set()
    look_again: datetime | None = None
    error: str | None = None
    for _ in range(_MOST_STEPS):
        row, guild = await _load(db, session_id)
        step = next_step(life_of(row), lead_times(guild), clock(), except_for=passed_over)
        if step is None or step.at > clock():
            break
        try:
            again_at = await _do(db, discord, clock, step.step, row, guild)
        except DiscordFailure as failure:
            log.warning("session %s: %s failed: %s", session_id, step.step, failure)
            error = str(failure)
        except Exception as bug:
            log.exception("session %s: %s failed", session_id, step.step)
            error = f"{type(bug).__name__} (a bug; see the log)"
        else:
            if again_at is None:
                done.append(f"{row.code} {step.step}")
            else:
                look_again = again_at
                passed_over.add(step.step)
            continue
        failed.append(f"{row.code} {step.step}: {error}")
        passed_over.add(step.step)
    await _record_outcome(db, session_id, passed_over, look_again, error, clock())


async def _load(db: Database, session_id: int) -> tuple[CoachingSession, Guild]:
    async with db.read() as session:
        row = await session.get_one(CoachingSession, session_id)
        return row, await session.get_one(Guild, row.guild_id)


async def _record_outcome(
    db: Database,
    session_id: int,
    passed_over: set[Step],
    look_again: datetime | None,
    error: str | None,
    now: datetime,
) -> None:
    """Decide from the row as it is now (it may have been cancelled meanwhile) when it is due next."""
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id, with_for_update=True)
        leads = lead_times(await session.get_one(Guild, row.guild_id))
        row.attempts = row.attempts + 1 if error else 0
        row.last_error = error
        if error:
            look_again = now + notices.pause(row.attempts)
        possible = next_step(life_of(row), leads, now, except_for=passed_over)
        instants = [due.at for due in [possible] if due]
        if look_again is not None and next_step(life_of(row), leads, now) is not None:
            instants.append(look_again)
        row.next_step_at = min(instants, default=None)


async def _do(
    db: Database, discord: Discord, clock: Clock, step: Step, row: CoachingSession, guild: Guild
) -> datetime | None:
    """Do one step; where the room had to stay for now, the instant at which to look again."""
    match step:
        case Step.MAKE_ROOM:
            await _make_room(db, discord, clock, row, guild)
        case Step.OPEN_ROOM:
            await _open_room(db, discord, clock, row, guild)
        case Step.START:
            await _change_status(db, row, SessionStatus.IN_PROGRESS, clock())
        case Step.FINISH:
            await _change_status(db, row, SessionStatus.COMPLETED, clock())
        case Step.REMOVE_ROOM:
            return await _remove_room(db, discord, clock, row, guild)
    return None


async def _make_room(db: Database, discord: Discord, clock: Clock, row: CoachingSession, guild: Guild) -> None:
    async with db.begin() as session:
        kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
        if kept.room_intended_at is None:
            kept.room_intended_at = clock()
        row.room_intended_at = kept.room_intended_at
    channel_id = await discord.ensure_room(_room(row, guild))
    async with db.begin() as session:
        # Recorded whatever happened to the session meanwhile: that the room exists is a fact, and a
        # cancelled session's next step then removes it.
        kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
        kept.discord_channel_id, kept.discord_setup_complete = channel_id, True
        kept.updated_at = clock()
        _record(session, kept, "room_made", clock(), channel_id=channel_id)


async def _open_room(db: Database, discord: Discord, clock: Clock, row: CoachingSession, guild: Guild) -> None:
    access = Access((row.coach_id, row.student_id), video=row.session_type is SessionType.VIDEO)
    try:
        await discord.open_room(_room(row, guild), access)
    except RoomGone:
        async with db.begin() as session:
            kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
            _record(session, kept, "room_vanished", clock(), channel_id=kept.discord_channel_id)
            kept.updated_at = clock()
            _forget_room(kept)
        return
    async with db.begin() as session:
        kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
        if kept.starts_at != row.starts_at:
            return  # moved meanwhile: the room is to be opened at the new time
        kept.access_granted_at = kept.updated_at = clock()
        _record(session, kept, "room_opened", clock(), channel_id=kept.discord_channel_id)
        if kept.status is SessionStatus.CANCELLED:
            return
        for user_id in (kept.student_id, kept.coach_id):
            notices.owe(
                session, NoticeKind.ROOM_OPEN, kept.guild_id, now=clock(), user_id=user_id, session_id=kept.id
            )


def _forget_room(kept: CoachingSession) -> None:
    """The room is gone before its time, so it is to be made again."""
    kept.discord_channel_id, kept.discord_setup_complete = None, False
    kept.room_intended_at = kept.access_granted_at = None


async def _change_status(db: Database, row: CoachingSession, to: SessionStatus, now: datetime) -> None:
    async with db.begin() as session:
        kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
        if (kept.status, kept.starts_at) == (row.status, row.starts_at):  # neither cancelled nor moved meanwhile
            kept.status, kept.updated_at = to, now
            _record(session, kept, f"session_{to.lower()}", now)


async def _remove_room(
    db: Database, discord: Discord, clock: Clock, row: CoachingSession, guild: Guild
) -> datetime | None:
    now, limit = clock(), room_ends_at(life_of(row), lead_times(guild)) + HARD_LIMIT
    if await discord.remove_room(_room(row, guild), even_if_occupied=now >= limit) is not Removal.REMOVED:
        return min(now + _LOOK_AGAIN, limit) if now < limit else now + _LOOK_AGAIN
    async with db.begin() as session:
        kept = await session.get_one(CoachingSession, row.id, with_for_update=True)
        _record(session, kept, "room_removed", clock(), channel_id=kept.discord_channel_id)
        kept.updated_at = clock()
        if kept.status is SessionStatus.SCHEDULED:
            _forget_room(kept)
        else:
            kept.room_removed_at = clock()
    return None


def _room(row: CoachingSession, guild: Guild) -> RoomSpec:
    assert row.room_intended_at is not None, "the intent is written before the room is asked for"
    return RoomSpec(
        guild_id=row.guild_id,
        name=f"coaching-session-{row.code}",
        category_id=guild.room_category_id,
        channel_id=row.discord_channel_id,
        intended_at=row.room_intended_at,
        reason=f"Coaching session {row.code}",
    )


def _record(
    session: AsyncSession, row: CoachingSession, action: str, now: datetime, **details: int | None
) -> None:
    audit.record(session, row.guild_id, action, at=now, coach_id=row.coach_id, session_id=row.id, details=details)
