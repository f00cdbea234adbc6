"""Comparing rooms with rows, at the start and every hour: removes leftover rooms, and makes missing ones again.

Only rooms that the database knows are ever touched, never a channel that merely looks like one.
"""

import logging
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import CoachingSession, Guild, Heartbeat
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, NotInServer
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import bot_removal
from scheduler.notifications.room_names import room_name
from scheduler.rooms import rooms
from scheduler.rooms.own_rooms import is_own
from scheduler.rooms.ports import Rooms, RoomSeen

log = logging.getLogger(__name__)

SWEEP = "sweep"
EVERY = timedelta(hours=1)
_AT_ONCE = 500
"""Values in one query; SQLite takes a few thousand."""
_next = aliased(CoachingSession)
_was_taken_over = exists().where(
    _next.discord_channel_id == CoachingSession.discord_channel_id,
    _next.next_step_at.is_not(None),
    _next.id != CoachingSession.id,
)
"""The pair's next session took the room over, which keeps the first one's name."""


async def sweep(db: Database, discord: Rooms, clock: Clock) -> int:
    """Compare every server's voice channels with our rows; returns how many sessions became due because of it.

    Skips servers that the bot was removed from.
    """
    async with db.read() as session:
        guilds = select(Guild.id).where(Guild.bot_removed_at.is_(None)).order_by(Guild.id)
        guild_ids = list(await session.scalars(guilds))
    found = 0
    for guild_id in guild_ids:
        try:
            found += await _sweep(db, discord, clock, guild_id)
        except NotInServer:
            await bot_removal.record_removal_found(db, clock, guild_id)
        except DiscordFailure as failure:
            log.info("guild %s wasn't swept: %s", guild_id, failure)
        except Exception:  # a bug with one server mustn't keep the others or the ticks waiting
            log.exception("guild %s wasn't swept", guild_id)
    async with db.begin() as session:
        await session.merge(Heartbeat(job=SWEEP, at=clock()))
    return found


async def _sweep(db: Database, discord: Rooms, clock: Clock, guild_id: int) -> int:
    async with db.read() as session:
        # Read before asking Discord, so that what another process makes meanwhile isn't missing.
        known = set(await session.scalars(select(CoachingSession.discord_channel_id).where(*_with_room(guild_id))))
    seen = await discord.voice_rooms(guild_id)
    async with db.begin() as session:
        found = await _remove_leftovers(session, guild_id, seen, clock)
        return found + await _mark_missing(session, guild_id, known - {one.id for one in seen}, clock)


async def _remove_leftovers(session: AsyncSession, guild_id: int, seen: list[RoomSeen], clock: Clock) -> int:
    """Make the removal of rooms that no session needs any more due again."""
    found = 0
    for first in range(0, len(seen), _AT_ONCE):
        some = seen[first : first + _AT_ONCE]
        prefix = room_name("")
        codes = [one.name.removeprefix(prefix) for one in some if one.name.startswith(prefix)]
        ids = [one.id for one in some]
        for row in await lock_sessions(
            session,
            CoachingSession.guild_id == guild_id,
            or_(CoachingSession.discord_channel_id.in_(ids), CoachingSession.code.in_(codes)),
            CoachingSession.next_step_at.is_(None),
            CoachingSession.room_intended_at.is_not(None),
            CoachingSession.last_error.is_(None),  # otherwise we gave up on removing it
            ~_was_taken_over,
        ):
            if any(_is_ours(one, row) for one in some):
                row.room_removed_at, row.next_step_at = None, clock()
                found += 1
    return found


def _is_ours(seen: RoomSeen, row: CoachingSession) -> bool:
    assert row.room_intended_at is not None, "the query asks for it"
    return is_own(
        seen.id,
        known_id=row.discord_channel_id,
        as_we_make_it=seen.as_we_make_it and seen.name == room_name(row.code),
        since=row.room_intended_at,
        until=row.room_removed_at,
    )


def _with_room(guild_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.guild_id == guild_id,
        CoachingSession.discord_setup_complete.is_(True),
    )


async def _mark_missing(session: AsyncSession, guild_id: int, gone: set[int | None], clock: Clock) -> int:
    """Mark rooms as lost that sessions need and that someone deleted."""
    found = 0
    for row in await lock_sessions(session, *_with_room(guild_id)):
        if row.discord_channel_id in gone and await rooms.keeps_room(session, row, clock()):
            await rooms.mark_room_lost(session, row, clock())
            row.next_step_at = clock()
            found += 1
    return found
