"""A session's room: made, opened and removed on Discord first, then recorded. Every effect may run twice."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AccessMode,
    CoachingSession,
    Guild,
    Notification,
    NotificationKind,
    SessionStatus,
    SessionType,
    Workshop,
)
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.core.clock import Clock
from scheduler.core.errors import RoomGone
from scheduler.notifications import admin_alerts, outbox
from scheduler.notifications.room_names import room_name
from scheduler.rooms import shared_rooms
from scheduler.rooms.ports import Access, Removal, Rooms, RoomSpec
from scheduler.sessions import events
from scheduler.sessions.lifecycle import hard_limit, is_much_too_early, is_over, linger_ends_at

_ENDING_WARNING = timedelta(minutes=5)
"""How long before the end people in the room are warned."""
_LOOK_AGAIN = timedelta(minutes=1)
"""How often to check whether an occupied room is empty, in case we don't hear people leave."""
_OF_ONE_ROOM = (
    NotificationKind.ROOM_OPEN,
    NotificationKind.ROOM_WELCOME,
    NotificationKind.ROOM_EXTENSION,
    NotificationKind.ROOM_ENDING,
)
DELETED = "room_deleted"
"""The key of the alert that someone keeps deleting rooms."""


async def make_room(
    db: Database, discord: Rooms, clock: Clock, row: CoachingSession, guild: Guild
) -> datetime | None:
    """Make the hidden room, recording the intent before and the room after.

    If the same two people have an earlier session, its room is taken over (see `shared_rooms`). Returns when to
    look again if that room isn't free yet.
    """
    async with db.begin() as session:
        if row.room_intended_at is None:
            if (free_at := await shared_rooms.earlier_ends_at(session, row, clock())) is not None:
                return free_at
            if await shared_rooms.take_over(session, row, clock()):
                return None
        current = await _lock(session, row)
        current.room_intended_at = row.room_intended_at = current.room_intended_at or clock()
        seats = await _seats_of(session, row)
    room = _room(row, guild)
    if seats is not None:  # so that an admin who looks in takes nobody's place
        room = replace(room, user_limit=seats + 2)
    channel_id = await discord.ensure_room(room)
    async with db.begin() as session:
        # Recorded even if the session was cancelled meanwhile: its next step then removes the room.
        current = await _lock(session, row)
        current.discord_channel_id, current.discord_setup_complete = channel_id, True
        current.updated_at = clock()
        events.record_by_bot(session, current, "room_made", clock(), channel_id=channel_id)
    return None


async def _seats_of(session: AsyncSession, row: CoachingSession) -> int | None:
    return await session.scalar(select(Workshop.seats).where(Workshop.session_id == row.id))


async def open_room(
    db: Database, discord: Rooms, clock: Clock, row: CoachingSession, guild: Guild, people: tuple[int, ...]
) -> None:
    """Let these people in, and notify them.

    Records a room that's gone as lost, so that it's made again, and raises RoomGone.
    """
    if guild.access_mode is AccessMode.ROLE:
        await _ensure_role(db, discord, clock, row, guild)
    video = row.session_type is SessionType.VIDEO
    try:
        await discord.open_room(_room(row, guild), Access(people, video=video, role_id=row.discord_role_id))
    except RoomGone:
        async with db.begin() as session:
            current = await _lock(session, row)
            if current.discord_channel_id == row.discord_channel_id:  # otherwise it's recorded already
                await mark_room_lost(session, current, clock())
        raise
    async with db.begin() as session:
        current = await _lock(session, row)
        if (current.starts_at, current.discord_channel_id) != (row.starts_at, row.discord_channel_id):
            return  # rescheduled, or the room was deleted: it's opened at the new time, or another one is
        if set(current.people) != set(row.people):
            return  # somebody joined or left a workshop meanwhile: it's opened again, for those who take part now
        current.access_granted_at = current.updated_at = clock()
        events.record_by_bot(session, current, "room_opened", clock(), channel_id=current.discord_channel_id)
        if current.status is not SessionStatus.CANCELLED:
            await _announce_open(session, current, people, clock())


async def _ensure_role(db: Database, discord: Rooms, clock: Clock, row: CoachingSession, guild: Guild) -> None:
    async with db.begin() as session:
        current = await _lock(session, row)
        current.role_intended_at = row.role_intended_at = current.role_intended_at or clock()
    role_id = await discord.ensure_role(_room(row, guild))
    async with db.begin() as session:
        current = await _lock(session, row)
        if current.discord_role_id != role_id:
            current.discord_role_id = row.discord_role_id = role_id
            events.record_by_bot(session, current, "role_made", clock(), role_id=role_id)


async def _announce_open(
    session: AsyncSession, row: CoachingSession, people: tuple[int, ...], now: datetime
) -> None:
    """Announce an open room in it, and to people who aren't inside yet.

    Once per person, room and time: it isn't news when the room is opened again because someone left, or joined a
    workshop that's about to start.
    """
    is_lasting = or_(
        Notification.given_up_at.is_(None),
        Notification.undeliverable_at.is_not(None),
        Notification.sent_at.is_not(None),
    )
    of_this_room = Notification.session_id == row.id, Notification.created_at >= row.room_intended_at, is_lasting
    announced = select(Notification.user_id).where(*of_this_room, Notification.kind == NotificationKind.ROOM_OPEN)
    if row.rescheduled_at is not None:
        announced = announced.where(Notification.created_at > row.rescheduled_at)
    told = set(await session.scalars(announced))
    if told and not row.is_workshop:
        return
    inside = await attendance.people_inside(session, row.id)
    for user_id in (one for one in people if one not in inside and one not in told):
        kind = NotificationKind.ROOM_OPEN
        outbox.enqueue(session, kind, row.guild_id, now=now, user_id=user_id, session_id=row.id)
    if told:
        return
    welcome = select(Notification).where(*of_this_room, Notification.kind == NotificationKind.ROOM_WELCOME)
    if (existing := await session.scalar(welcome.limit(1))) is not None:
        outbox.requeue(existing, now)  # the session was rescheduled, and kept its room
    else:
        outbox.enqueue(session, NotificationKind.ROOM_WELCOME, row.guild_id, now=now, session_id=row.id)
    if row.extension_asked_at is not None:  # in a room that someone deleted
        outbox.enqueue(session, NotificationKind.ROOM_EXTENSION, row.guild_id, now=now, session_id=row.id)
    await plan_warning(session, row, now)


async def plan_warning(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Enqueue the warning before the current end, and drop one for an earlier end."""
    await outbox.drop(session, row.id, [NotificationKind.ROOM_ENDING], "the end has changed", now)
    if now < (due_at := row.ends_at - _ENDING_WARNING):
        kind = NotificationKind.ROOM_ENDING
        outbox.enqueue(session, kind, row.guild_id, now=now, session_id=row.id, due_at=due_at)


async def mark_room_lost(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Record that someone deleted a room that was needed. It's counted as a failure, so it's made again later.

    Drops what was still to be said about that room. Admins are alerted from the second time on.
    """
    events.record_by_bot(session, row, "room_vanished", now, channel_id=row.discord_channel_id)
    await attendance.end_stays(session, row.id, now)
    await outbox.drop(session, row.id, _OF_ONE_ROOM, "the room was deleted", now)
    row.updated_at = row.room_lost_at = now
    row.rooms_lost += 1
    row.attempts += 1
    row.last_error = "someone, or another bot, deleted the room"
    shared_rooms.forget_room(row)
    if row.rooms_lost > 1:
        text = (
            f"Someone, or another bot, keeps deleting session rooms: the one for `{row.code}` has been "
            f"deleted {row.rooms_lost} times. See the server's audit log for who did it, and have them leave "
            f"channels named {room_name('…')} alone. I'll keep making the room again, but less and less often."
        )
        await admin_alerts.raise_alert(session, row.guild_id, DELETED, text, now, cause=admin_alerts.PASSING)


def is_missing(row: CoachingSession, now: datetime) -> bool:
    """Whether the room was deleted and hasn't been made again."""
    return row.rooms_lost > 0 and not row.discord_setup_complete and not is_over(row, now)


async def handle_deleted_channel(session: AsyncSession, channel_id: int, now: datetime) -> bool:
    """Handle a deleted channel; returns whether a session needs it as its room, which makes it due at once."""
    row = await attendance.session_in(session, channel_id)
    if row is None or not await keeps_room(session, row, now):
        return False
    await mark_room_lost(session, row, now)
    row.next_step_at = now
    return True


async def keeps_room(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Whether an existing room has to stay. The bot itself removes one that's much too early."""
    guild = await session.get_one(Guild, row.guild_id)
    return not is_over(row, now) and not is_much_too_early(row, guild, now)


async def remove_room(
    db: Database, discord: Rooms, clock: Clock, row: CoachingSession, guild: Guild
) -> datetime | None:
    """Remove the room and its role once it's empty, or at the hard limit. People who linger are warned once.

    Returns when to look again if the room has to stay for now, because someone is inside or because the next
    session of the same two people is about to take it over.
    """
    now, limit = clock(), hard_limit(row, guild)
    async with db.read() as session:
        if await shared_rooms.is_wanted(session, row, guild, now):
            return now + _LOOK_AGAIN
    removal = await discord.remove_room(_room(row, guild), even_if_occupied=now >= limit)
    if removal is Removal.OCCUPIED and now >= linger_ends_at(row, guild):
        await _warn(db, row, now)
    if removal is not Removal.REMOVED:
        return limit if now < limit < now + _LOOK_AGAIN else now + _LOOK_AGAIN
    async with db.begin() as session:
        current = await _lock(session, row)
        events.record_by_bot(session, current, "room_removed", clock(), channel_id=current.discord_channel_id)
        current.updated_at = clock()
        shared_rooms.release(current, clock())  # a session that's still ahead was rescheduled
    return None


async def _warn(db: Database, row: CoachingSession, now: datetime) -> None:
    async with db.begin() as session:
        kind = NotificationKind.ROOM_CLOSING
        if not await outbox.was_enqueued(session, row.id, kind):
            outbox.enqueue(session, kind, row.guild_id, now=now, session_id=row.id)


async def _lock(session: AsyncSession, row: CoachingSession) -> CoachingSession:
    """Lock the row until the transaction ends, and return it as it is now."""
    return await session.get_one(CoachingSession, row.id, with_for_update=True)


def _room(row: CoachingSession, guild: Guild) -> RoomSpec:
    assert row.room_intended_at is not None, "the intent is recorded first"
    return RoomSpec(
        guild_id=row.guild_id,
        name=room_name(row.code),
        category_id=guild.room_category_id,
        channel_id=row.discord_channel_id,
        intended_at=row.room_intended_at,
        reason=f"Coaching session {row.code}",
        role_id=row.discord_role_id,
        role_intended_at=row.role_intended_at,
    )
