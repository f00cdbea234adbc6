"""Sessions from booking to end: who is in the room, and what both are told."""

from datetime import UTC, datetime
from typing import Any

from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from sqlalchemy import select

from models import Coach, CoachingSession, Guild, Reservation
from scheduler.booking import booking
from scheduler.core.actor import Actor
from tests.support.builders import HOUR, MINUTE
from tests.support.simulated import Academy, words
from tests.support.stored import session_now
from tests.support.transactions import fetch_all

TWO = datetime(2026, 3, 2, 13, tzinfo=UTC)
"""14:00 in Berlin, on the Monday when the world begins."""
QUARTER = 15 * MINUTE
NO_ACCESS = "You have no such session. `/sessions` lists yours."


async def settings(world: Academy, **changed: Any) -> None:
    """Set the server's settings directly."""
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        for name, value in changed.items():
            setattr(guild, name, value)


async def no_minimum_notice(world: Academy) -> None:
    """Let Cara take bookings up to the last minute."""
    async with world.db.begin() as session:
        (await session.get_one(Coach, (world.guild.id, world.coach.id))).minimum_notice_minutes = 0


async def booked(
    world: Academy, starts_at: datetime = TWO, *, student: Any = None, notes: str | None = None
) -> CoachingSession:
    """Book an hour with Cara, for Stu by default, as Confirm does; both are told."""
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        actor = Actor((student or world.student).id)
        made = await booking.book(session, guild, actor, world.coach.id, starts_at, HOUR, notes, world.now)
    await world.leap_to(world.now)
    return made


async def opened(world: Academy, made: CoachingSession, *inside: Any) -> Any:
    """Go to four minutes before the start, let these people enter the open room, and return it."""
    await world.leap_to(made.starts_at - 4 * MINUTE)
    room = world.room(made.code)
    assert room is not None
    for person in inside:
        await person.join_voice(room)
    return room


def move(world: Academy, person: Any, *channel_ids: int | None) -> None:
    """Let someone enter channels or leave (None), one right after the other, without waiting for the bot."""
    for channel_id in channel_ids:
        world.env.backend.set_voice_state(world.guild.id, person.id, channel_id)


async def met(world: Academy, *inside: Any, **of: Any) -> tuple[CoachingSession, Any]:
    """Return a session that these people came to, ten minutes after its start, and its room."""
    made = await booked(world, **of)
    room = await opened(world, made, *inside)
    await world.leap_to(made.starts_at)
    await world.leap_to(made.starts_at + 10 * MINUTE)
    return made, room


async def ended_session(world: Academy, *inside: Any) -> CoachingSession:
    """Return a session that these people came to, right after its end."""
    made, _ = await met(world, *inside)
    await to_the_end(world, made)
    return await reloaded(world, made)


async def to_the_end(world: Academy, made: CoachingSession) -> None:
    """Go to the end while the bot is watching."""
    row = await reloaded(world, made)
    await world.leap_to(row.ends_at - 2 * MINUTE)
    await world.leap_to(row.ends_at)


async def reloaded(world: Academy, made: CoachingSession) -> CoachingSession:
    return await session_now(world.db, made.id)


async def reserved_until(world: Academy, made: CoachingSession) -> list[datetime]:
    """Return until when coach and student are reserved for it."""
    return await fetch_all(world.db, select(Reservation.ends_at).where(Reservation.session_id == made.id))


def told(world: Academy, person: Any, title: str) -> list[Any]:
    """Return the person's direct messages containing this title, oldest first."""
    return [one for one in person.user.dm_channel.history() if title in words(one)]


def said(room: Any, what: str) -> list[Any]:
    """Return the room's messages containing this, oldest first."""
    return [one for one in room.history() if what in words(one)]


def pinged(world: Academy, channel_id: int) -> list[list[str]]:
    """Return whom each message in the channel pinged, oldest first."""
    path = f"/channels/{channel_id}/messages"
    sent: list[Any] = [one.json for one in world.env.http_requests if (one.method, one.path) == ("POST", path)]
    return [[str(user) for user in one["allowed_mentions"].get("users", [])] for one in sent]


async def delete_by_hand(world: Academy, room: Any) -> None:
    """Delete the room as an admin; whoever is inside drops out, which Discord reports afterwards."""
    inside = [one for one, state in world.guild.voice_states().items() if state.channel_id == room.id]
    world.env.backend.delete_channel(room.id)
    for person in (world.coach, world.student):
        if person.id in inside:
            await person.leave_voice()
    await world.env.settle()


def let_in_by_hand(world: Academy, room: Any, person: Any) -> None:
    """Give this person access to the room as an admin."""
    allowed = Overwrite(target_id=person.id, type=OverwriteType.MEMBER, allow=(1 << 10) | (1 << 20))
    world.env.backend.set_overwrite(room.id, allowed)
