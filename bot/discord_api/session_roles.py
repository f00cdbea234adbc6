"""Roles of single sessions at Discord: how one is known again, and who holds it."""

from collections.abc import Sequence
from dataclasses import replace

import discord

from bot.discord_api.errors import UNKNOWN_MEMBER, UNKNOWN_ROLE, UNKNOWN_USER, Attempt
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.own_rooms import is_own
from scheduler.rooms.ports import RoomSpec

_MANAGE_ROLES = discord.Permissions(manage_roles=True)


async def ensure(attempt: Attempt, guild: discord.Guild, room: RoomSpec) -> int:
    """The id of the session's role; made if there is none. Twins that a repeated request left are removed.

    Nobody has been given a twin: which of them counts is settled here, before the role is used.
    """
    attempt.needing(_MANAGE_ROLES)
    existing = await _known(guild, room)
    if not existing:
        made = await guild.create_role(
            name=room.name,
            permissions=discord.Permissions.none(),
            hoist=False,
            mentionable=False,
            reason=room.reason,
        )
        existing = await _known(guild, replace(room, role_id=made.id))  # the one that is known may be gone
        existing.sort(key=lambda one: one.id)
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
    """Roles that are this session's: the stored one first, then its twins. Others of its name are left alone."""
    assert room.role_intended_at is not None, "the intent is written before the role is asked for"
    found = [
        role
        for role in await guild.fetch_roles()
        if is_own(
            role.id,
            known_id=room.role_id,
            as_we_make_it=role.name == room.name and _gives_nothing(role),
            since=room.role_intended_at,
        )
    ]
    return sorted(found, key=lambda role: (role.id != room.role_id, role.id))


def _gives_nothing(role: discord.Role) -> bool:
    return not (role.managed or role.hoist or role.mentionable or role.permissions.value)


async def _delete(attempt: Attempt, roles: Sequence[discord.Role], reason: str) -> None:
    for role in roles:
        attempt.needing(_MANAGE_ROLES, role_id=role.id)
        try:
            await role.delete(reason=reason)
        except discord.NotFound as error:
            if error.code != UNKNOWN_ROLE:
                raise  # else somebody was faster; gone is gone
