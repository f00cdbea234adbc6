"""A session's room: made, opened and removed at Discord first, then written down. Every effect may run twice."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AccessMode, CoachingSession, Guild, Notification, NotificationKind, SessionStatus, SessionType
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.core.clock import Clock
from scheduler.core.errors import RoomGone
from scheduler.notifications import admin_alerts, outbox
from scheduler.notifications.room_names import room_name
from scheduler.rooms import shared_rooms
from scheduler.rooms.ports import Access, Removal, Rooms, RoomSpec
from scheduler.sessions import events
from scheduler.sessions.lifecycle import hard_limit, is_much_too_early, life_of, linger_ends_at
from scheduler.sessions.planning import lead_times

ENDING_WARNING = timedelta(minutes=5)
"""How long before the end people in the room are told so."""
_LOOK_AGAIN = timedelta(minutes=1)
"""When nobody was heard leaving, whether the room is empty is asked this often."""
_OF_ONE_ROOM = (NotificationKind.ROOM_OPEN, NotificationKind.ROOM_WELCOME, NotificationKind.ROOM_ENDING)
DELETED = "room_deleted"
"""The key of the problem that somebody keeps deleting rooms."""
_LOST = "somebody, or another bot, deleted the room"


async def make_room(
    db: Database, discord: Rooms, clock: Clock, row: CoachingSession, guild: Guild
) -> datetime | None:
    """Make the hidden room. That it was meant to be made is written down before, that it exists after.

    Where `shared_rooms` says that there is to be no other one, the room of an earlier session is taken over. While
    it has to be waited for: the instant at which to look again.
    """
    async with db.begin() as session:
        if row.room_intended_at is None:
            if (free_from := await shared_rooms.free_from(session, row, clock())) is not None:
                return free_from
            if await shared_rooms.take_over(session, row, clock()):
                return None
        kept = await _kept(session, row)
        if kept.room_intended_at is None:
            kept.room_intended_at = clock()
        row.room_intended_at = kept.room_intended_at
    channel_id = await discord.ensure_room(_room(row, guild))
    async with db.begin() as session:
        # Recorded whatever happened to the session meanwhile: that the room exists is a fact, and a
        # cancelled session's next step then removes it.
        kept = await _kept(session, row)
        kept.discord_channel_id, kept.discord_setup_complete = channel_id, True
        kept.updated_at = clock()
        events.record_by_bot(session, kept, "room_made", clock(), channel_id=channel_id)
    return None


async def open_room(
    db: Database,
    discord: Rooms,
    clock: Clock,
    row: CoachingSession,
    guild: Guild,
    people: tuple[int, ...],
) -> None:
    """Let these people in, and notify them.

    A room that is gone is written down as lost, and then RoomGone is raised; it is made again in time.
    """
    if guild.access_mode is AccessMode.ROLE:
        await _ensure_role(db, discord, clock, row, guild)
    video = row.session_type is SessionType.VIDEO
    try:
        await discord.open_room(_room(row, guild), Access(people, video=video, role_id=row.discord_role_id))
    except RoomGone:
        async with db.begin() as session:
            kept = await _kept(session, row)
            if kept.discord_channel_id == row.discord_channel_id:  # else Discord has told us of it already
                await mark_room_lost(session, kept, clock())
        raise
    async with db.begin() as session:
        kept = await _kept(session, row)
        if (kept.starts_at, kept.discord_channel_id) != (row.starts_at, row.discord_channel_id):
            return  # moved meanwhile, or the room was deleted: it is to be opened at the new time, or another one
        kept.access_granted_at = kept.updated_at = clock()
        events.record_by_bot(session, kept, "room_opened", clock(), channel_id=kept.discord_channel_id)
        if kept.status is not SessionStatus.CANCELLED:
            await _tell_open(session, kept, people, clock())


async def _ensure_role(db: Database, discord: Rooms, clock: Clock, row: CoachingSession, guild: Guild) -> None:
    async with db.begin() as session:
        kept = await _kept(session, row)
        kept.role_intended_at = row.role_intended_at = kept.role_intended_at or clock()
    role_id = await discord.ensure_role(_room(row, guild))
    async with db.begin() as session:
        kept = await _kept(session, row)
        if kept.discord_role_id != role_id:
            kept.discord_role_id = row.discord_role_id = role_id
            events.record_by_bot(session, kept, "role_made", clock(), role_id=role_id)


async def _tell_open(session: AsyncSession, kept: CoachingSession, people: tuple[int, ...], now: datetime) -> None:
    """Once a room and a time, in the room and to whoever is not inside already.

    Opened again because somebody left the server, it is no news.
    """
    is_lasting = or_(
        Notification.given_up_at.is_(None),
        Notification.undeliverable_at.is_not(None),
        Notification.sent_at.is_not(None),
    )
    of_this_room = Notification.session_id == kept.id, Notification.created_at >= kept.room_intended_at, is_lasting
    told = select(Notification.id).where(*of_this_room, Notification.kind == NotificationKind.ROOM_OPEN)
    if kept.rescheduled_at is not None:
        told = told.where(Notification.created_at > kept.rescheduled_at)
    if await session.scalar(told.limit(1)) is not None:
        return
    inside = await attendance.who_is_inside(session, kept.id)
    for user_id in (one for one in people if one not in inside):
        outbox.enqueue(
            session, NotificationKind.ROOM_OPEN, kept.guild_id, now=now, user_id=user_id, session_id=kept.id
        )
    welcome = select(Notification).where(*of_this_room, Notification.kind == NotificationKind.ROOM_WELCOME)
    if (stands := await session.scalar(welcome.limit(1))) is not None:
        outbox.requeue(stands, now)  # the session was moved, and its room stayed
    else:
        outbox.enqueue(session, NotificationKind.ROOM_WELCOME, kept.guild_id, now=now, session_id=kept.id)
    await plan_warning(session, kept, now)


async def plan_warning(session: AsyncSession, kept: CoachingSession, now: datetime) -> None:
    """Enqueue the warning before the end as it is now, in place of an earlier one."""
    await outbox.drop(session, kept.id, [NotificationKind.ROOM_ENDING], "the end is another one", now)
    due_at = kept.ends_at - ENDING_WARNING
    if now < due_at:
        kind = NotificationKind.ROOM_ENDING
        outbox.enqueue(session, kind, kept.guild_id, now=now, session_id=kept.id, due_at=due_at)


async def mark_room_lost(session: AsyncSession, kept: CoachingSession, now: datetime) -> None:
    """Somebody deleted the room while it was needed: a failure, counted, after which `life_of` says when to go on.

    What was still to be said about that room is dropped. From the second time on, admins are told.
    """
    events.record_by_bot(session, kept, "room_vanished", now, channel_id=kept.discord_channel_id)
    await attendance.nobody_inside(session, kept.id, now)
    await outbox.drop(session, kept.id, _OF_ONE_ROOM, "the room was deleted", now)
    kept.updated_at = kept.room_lost_at = now
    kept.rooms_lost += 1
    kept.attempts, kept.last_error = kept.attempts + 1, _LOST
    shared_rooms.forget(kept)
    if kept.rooms_lost > 1:
        text = (
            f"Somebody, or another bot, keeps deleting session rooms: the one for `{kept.code}` has been deleted "
            f"{kept.rooms_lost} times. The server's audit log says who did it. Have them, or that bot, leave "
            f"channels named {room_name('…')} alone. I keep making the room again, but less and less often."
        )
        await admin_alerts.raise_alert(session, kept.guild_id, DELETED, text, now, cause=admin_alerts.PASSING)


def is_missing(row: CoachingSession, now: datetime) -> bool:
    """Whether the room was deleted and is still to be made again."""
    return row.rooms_lost > 0 and not row.discord_setup_complete and needs_room(row, now)


async def channel_deleted(session: AsyncSession, channel_id: int, now: datetime) -> bool:
    """A channel was deleted; whether it was the room of a session that needs it, which is then due at once."""
    kept = await session.scalar(
        select(CoachingSession)
        .where(CoachingSession.discord_channel_id == channel_id, CoachingSession.room_removed_at.is_(None))
        .with_for_update()
    )
    if kept is None or not await keeps_room(session, kept, now):
        return False
    await mark_room_lost(session, kept, now)
    kept.next_step_at = now
    return True


def needs_room(row: CoachingSession, now: datetime) -> bool:
    """Whether there has to be a room, now or later."""
    return row.status in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS) and now < row.ends_at


async def keeps_room(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Whether a room that is there has to stay there. One that is much too early is removed by the bot itself."""
    leads = lead_times(await session.get_one(Guild, row.guild_id))
    return needs_room(row, now) and not is_much_too_early(life_of(row), leads, now)


async def remove_room(
    db: Database, discord: Rooms, clock: Clock, row: CoachingSession, guild: Guild
) -> datetime | None:
    """Remove the room and its role once nobody is inside, at the latest at the hard limit.

    Where it had to stay for now, the instant at which to look again: also where the next session of the same two
    is about to take it over. Those who stay longer than the linger time are warned, once.
    """
    now, leads, life = clock(), lead_times(guild), life_of(row)
    async with db.read() as session:
        if await shared_rooms.is_wanted(session, row, leads.room, now):
            return now + _LOOK_AGAIN
    removal = await discord.remove_room(_room(row, guild), even_if_occupied=now >= hard_limit(life, leads))
    if removal is Removal.OCCUPIED and now >= linger_ends_at(life, leads):
        await _warn(db, row, now)
    if removal is not Removal.REMOVED:
        return (
            min(now + _LOOK_AGAIN, hard_limit(life, leads)) if now < hard_limit(life, leads) else now + _LOOK_AGAIN
        )
    async with db.begin() as session:
        kept = await _kept(session, row)
        events.record_by_bot(session, kept, "room_removed", clock(), channel_id=kept.discord_channel_id)
        kept.updated_at = clock()
        shared_rooms.part_with(kept, clock())  # still ahead, it was moved to a later date
    return None


async def _warn(db: Database, row: CoachingSession, now: datetime) -> None:
    async with db.begin() as session:
        kind = NotificationKind.ROOM_CLOSING
        warned = select(Notification.id).where(Notification.session_id == row.id, Notification.kind == kind)
        if await session.scalar(warned.limit(1)) is None:
            outbox.enqueue(session, kind, row.guild_id, now=now, session_id=row.id)


async def _kept(session: AsyncSession, row: CoachingSession) -> CoachingSession:
    """The row as it is now, held until the transaction ends."""
    return await session.get_one(CoachingSession, row.id, with_for_update=True)


def _room(row: CoachingSession, guild: Guild) -> RoomSpec:
    assert row.room_intended_at is not None, "the intent is written before the room is asked for"
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
