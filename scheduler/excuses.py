"""Absences that Discord itself explains: whoever was kept out of the room is excused, and admins hear why."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Notice, NoticeKind
from scheduler import attendance, problems
from scheduler.ports import Barrier, Discord, DiscordFailure, NotInServer

log = logging.getLogger(__name__)

KEPT_OUT = "kept_out:"
"""How the keys begin of problems that say of a person that they could not come."""
_WHY = {
    Barrier.LEFT: "had left the server",
    Barrier.TIMED_OUT: "was timed out in the server",
    Barrier.SHUT_OUT: "wasn't allowed into the room, by a role or by the room's own permissions",
    Barrier.FULL: "couldn't enter the room, because its user limit was reached",
}
_FOR_ADMINS = {
    Barrier.TIMED_OUT: "Members can't join a room before their timeout ends or you end it.",
    Barrier.SHUT_OUT: "Look for who changes roles or the permissions of rooms; I set them when a room opens.",
    Barrier.FULL: "Rooms need no user limit: only coach and student see them.",
}


async def look(
    discord: Discord, row: CoachingSession, guild: Guild, absent_ids: Collection[int]
) -> dict[int, Barrier]:
    """What kept each of these people out, of those whom anything did. Asks Discord, so not within a transaction.

    Where Discord cannot say, nothing did: whoever counts as absent can appeal. Raises NotInServer.
    """
    grace = timedelta(minutes=guild.no_show_grace_minutes)
    late_from = attendance.late_from(row.starts_at, row.ends_at, row.access_granted_at or row.starts_at, grace)
    found: dict[int, Barrier] = {}
    for user_id in absent_ids:
        try:
            barrier = await discord.barrier(row.guild_id, user_id, row.discord_channel_id, late_from)
        except NotInServer:
            raise  # nobody watches there, so nobody is absent
        except DiscordFailure as failure:
            log.warning("session %s: what kept %s out: %s", row.id, user_id, failure)
        else:
            if barrier is not None:
                found[user_id] = barrier
    return found


async def that_count(
    session: AsyncSession, row: CoachingSession, kept_out: Mapping[int, Barrier]
) -> dict[int, Barrier]:
    """Those of them that excuse. Whoever left the server when the session had begun escapes nothing.

    That somebody had left before is known from the word to the other side, whose session was kept all the same.
    """
    known = select(Notice.user_id).where(
        Notice.session_id == row.id, Notice.kind == NoticeKind.PERSON_LEFT, Notice.created_at < row.starts_at
    )
    told = set(await session.scalars(known))
    others = {row.coach_id: row.student_id, row.student_id: row.coach_id}
    return {
        user_id: barrier
        for user_id, barrier in kept_out.items()
        if barrier is not Barrier.LEFT or others[user_id] in told
    }


def reason(row: CoachingSession, kept_out: Mapping[int, Barrier]) -> str:
    """Why a session did not take place, for both of its people."""
    said = [f"The {_side(row, user_id)} {_WHY[barrier]}." for user_id, barrier in kept_out.items()]
    return " ".join([*said, "This is nobody's no-show."])


async def tell_admins(
    session: AsyncSession, row: CoachingSession, kept_out: Mapping[int, Barrier], now: datetime
) -> None:
    """Say who could not come and why, unless they left, which the other side alone is told of."""
    for user_id, barrier in kept_out.items():
        if barrier is not Barrier.LEFT:
            text = (
                f"<@{user_id}> couldn't come to session `{row.code}`: the {_side(row, user_id)} {_WHY[barrier]}. "
                f"That doesn't count as their no-show. {_FOR_ADMINS[barrier]}"
            )
            key = f"{KEPT_OUT}{user_id}"
            await problems.report(session, row.guild_id, key, text, now, cause=barrier.name)


async def came_again(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Coach and student have met, so that nothing keeps them out any more."""
    for user_id in (row.coach_id, row.student_id):
        await problems.works(session, row.guild_id, f"{KEPT_OUT}{user_id}", now)


def _side(row: CoachingSession, user_id: int) -> str:
    return "coach" if user_id == row.coach_id else "student"
