"""Excuses for people that Discord kept out of their room, and the alerts that tell admins why."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Notification, NotificationKind, UTCDateTime
from scheduler.attendance import attendance
from scheduler.attendance.ports import Barrier, Doors
from scheduler.core.errors import DiscordFailure, NotInServer
from scheduler.notifications import admin_alerts

log = logging.getLogger(__name__)

_KEPT_OUT = "kept_out:"
"""Followed by a user id: the key of the alert that someone was kept out."""
_WHY = {
    Barrier.LEFT: "had left the server",
    Barrier.TIMED_OUT: "was timed out in the server",
    Barrier.SHUT_OUT: "wasn't allowed into the room, by a role or by the room's own permissions",
    Barrier.FULL: "couldn't enter the room because it had reached its user limit",
}
_FOR_ADMINS = {
    Barrier.TIMED_OUT: "Members can't join a room until their timeout ends or you end it.",
    Barrier.SHUT_OUT: "Check who changes roles or room permissions. I set them when a room opens.",
    Barrier.FULL: "Rooms don't need a user limit: only its people see them.",
}


async def inspect_absences(
    discord: Doors, row: CoachingSession, guild: Guild, absent_ids: Collection[int]
) -> dict[int, Barrier]:
    """Ask Discord what kept these people out, outside any transaction; returns only those that something did.

    If Discord can't say, that counts as nothing: they can still appeal. Raises NotInServer.
    """
    grace = timedelta(minutes=guild.no_show_grace_minutes)
    found: dict[int, Barrier] = {}
    for user_id in absent_ids:
        late_from = attendance.grace_ends_at(row, grace, user_id=user_id)
        try:
            barrier = await discord.barrier(row.guild_id, user_id, row.discord_channel_id, late_from)
        except NotInServer:
            raise  # the bot can't watch there, so nobody is absent
        except DiscordFailure as failure:
            log.warning("session %s: what kept %s out: %s", row.id, user_id, failure)
        else:
            if barrier is not None:
                found[user_id] = barrier
    return found


async def valid(
    session: AsyncSession, row: CoachingSession, guild: Guild, kept_out: Mapping[int, Barrier]
) -> dict[int, Barrier]:
    """Keep the barriers that excuse.

    Leaving excuses only if somebody else was told before the start, and a student only if that was no later
    than they could cancel for free.
    """
    told = select(Notification.user_id, func.min(Notification.created_at, type_=UTCDateTime())).where(
        Notification.session_id == row.id, Notification.kind == NotificationKind.PERSON_LEFT
    )
    told_at = dict(list(await session.execute(told.group_by(Notification.user_id))))
    in_time = row.starts_at - timedelta(minutes=guild.cancel_notice_minutes)

    def is_excused(user_id: int) -> bool:
        others = (told_at[one] for one in row.people if one != user_id and one in told_at)
        at = min(others, default=None)
        return at is not None and at < row.starts_at and (user_id == row.coach_id or at <= in_time)

    return {
        user_id: barrier
        for user_id, barrier in kept_out.items()
        if barrier is not Barrier.LEFT or is_excused(user_id)
    }


def reason(row: CoachingSession, kept_out: Mapping[int, Barrier]) -> str:
    """Explain to both people why the session didn't take place."""
    said = [f"The {_side(row, user_id)} {_WHY[barrier]}." for user_id, barrier in kept_out.items()]
    return " ".join([*said, "It doesn't count as a no-show."])


async def alert_admins(
    session: AsyncSession, row: CoachingSession, kept_out: Mapping[int, Barrier], now: datetime
) -> None:
    """Tell admins who couldn't come and why, except for people who left."""
    for user_id, barrier in kept_out.items():
        if barrier is not Barrier.LEFT:
            text = (
                f"<@{user_id}> couldn't come to session `{row.code}`: the {_side(row, user_id)} {_WHY[barrier]}. "
                f"It doesn't count as a no-show. {_FOR_ADMINS[barrier]}"
            )
            key = f"{_KEPT_OUT}{user_id}"
            await admin_alerts.raise_alert(session, row.guild_id, key, text, now, cause=barrier.name)


async def resolve_alerts(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Resolve the alerts that its people were kept out, because they've met."""
    for user_id in row.people:
        await admin_alerts.resolve(session, row.guild_id, f"{_KEPT_OUT}{user_id}", now)


def _side(row: CoachingSession, user_id: int) -> str:
    return "coach" if user_id == row.coach_id else "participant" if row.is_workshop else "student"
