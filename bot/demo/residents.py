"""What the academy's people do by themselves: join their sessions, and leave afterwards."""

import simcord
from sqlalchemy import select

from bot.demo import simcord_private
from bot.demo.academy import Academy
from models import CoachingSession, SessionStatus
from models.storage.database import Database

_VOICE = 2
_RUNNING = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)


async def move_residents(env: simcord.Env, db: Database, world: Academy, visitor_id: int) -> None:
    """Move everyone where they should be now, except the person the visitor is."""
    wanted = await _rooms(db)
    here = {
        one.id: set(simcord_private.inside(world.guild, one.id))
        for one in simcord_private.channels(env, world.guild)
        if one.type == _VOICE
    }
    members = [one.member for one in world.people.values()] + list(world.others.values())
    residents = {one.id: one for one in members if one.id != visitor_id}
    for channel_id, inside in here.items():
        for user_id in sorted(inside & residents.keys() - wanted.get(channel_id, set())):
            await residents[user_id].leave_voice()
            inside.remove(user_id)
    somewhere = set().union(*here.values())
    for channel_id in here:
        for user_id in sorted(wanted.get(channel_id, set()) & residents.keys() - somewhere):
            await residents[user_id].join_voice(simcord_private.channel(env, world.guild, channel_id))


async def _rooms(db: Database) -> dict[int, set[int]]:
    """Return the open rooms of current sessions, and who belongs there."""
    async with db.read() as session:
        running = await session.scalars(
            select(CoachingSession).where(
                CoachingSession.status.in_(_RUNNING),
                CoachingSession.access_granted_at.is_not(None),
                CoachingSession.room_removed_at.is_(None),
            )
        )
        return {one.discord_channel_id: set(one.people) for one in running if one.discord_channel_id}
