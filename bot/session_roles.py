"""Roles of single sessions at Discord: how one is known again, and who holds it."""

from collections.abc import Sequence

import discord
from discord.utils import snowflake_time

from bot.refusals import UNKNOWN_MEMBER, UNKNOWN_ROLE, UNKNOWN_USER, Attempt
from bot.rooms import CLOCKS_DIFFER
from scheduler.ports import DiscordFailure, RoomSpec

_MANAGE_ROLES = discord.Permissions(manage_roles=True)


async def ensure(attempt: Attempt, guild: discord.Guild, room: RoomSpec) -> int:
    """The id of the session's role; made if there is none. Twins that a repeated request left are removed.

    Nobody has been given a twin: which of them counts is settled here, before the role is used.
    """
    attempt.needing(_MANAGE_ROLES)
    existing = await _known(guild, room)
    if not existing:
        await guild.create_role(
            name=room.name,
            permissions=discord.Permissions.none(),
            hoist=False,
            mentionable=False,
            reason=room.reason,
        )
        existing = await _known(guild, room)
    if not existing:
        raise DiscordFailure(f"cannot {attempt.task}: Discord said that it was made, but it is not there")
    await _delete(attempt, existing[1:], f"{room.reason}: made twice")
    return existing[0].id


async def give(
    attempt: Attempt, guild: discord.Guild, role_id: int, user_ids: Sequence[int], *, reason: str
) -> None:
    """Give the role to these people; somebody who has left the server is passed over."""
    attempt.needing(_MANAGE_ROLES, role_id=role_id)
    for user_id in user_ids:
        try:
            member = await guild.fetch_member(user_id)
            if member.get_role(role_id) is None:
                await member.add_roles(discord.Object(role_id), reason=reason)
        except discord.NotFound as error:
            if error.code == UNKNOWN_ROLE:
                raise DiscordFailure(
                    f"cannot {attempt.task}: the session's role does not exist any more"
                ) from error
            if error.code not in (UNKNOWN_MEMBER, UNKNOWN_USER):
                raise


async def remove(attempt: Attempt, guild: discord.Guild, room: RoomSpec) -> None:
    """Remove the session's role and its twins. Asks Discord nothing about a session that was to have none."""
    if room.role_intended_at is None:
        return
    await _delete(attempt, await _known(guild, room), room.reason)


async def _known(guild: discord.Guild, room: RoomSpec) -> list[discord.Role]:
    """Roles that are this session's: the stored one first, then those of its name that are young enough."""
    assert room.role_intended_at is not None, "the intent is written before the role is asked for"
    since = room.role_intended_at - CLOCKS_DIFFER
    found = [
        role
        for role in await guild.fetch_roles()
        if role.id == room.role_id or (role.name == room.name and snowflake_time(role.id) >= since)
    ]
    return sorted(found, key=lambda role: (role.id != room.role_id, role.id))


async def _delete(attempt: Attempt, roles: Sequence[discord.Role], reason: str) -> None:
    for role in roles:
        attempt.needing(_MANAGE_ROLES, role_id=role.id)
        try:
            await role.delete(reason=reason)
        except discord.NotFound as error:
            if error.code != UNKNOWN_ROLE:
                raise  # else somebody was faster; gone is gone
