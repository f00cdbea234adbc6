"""Session roles at Discord: how to recognise one, and who has it."""

from collections.abc import Sequence
from dataclasses import replace

import discord

from bot.discord_api.errors import UNKNOWN_MEMBER, UNKNOWN_ROLE, UNKNOWN_USER, Attempt, expect_gone
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.own_rooms import is_own
from scheduler.rooms.ports import RoomSpec

_MANAGE_ROLES = discord.Permissions(manage_roles=True)


async def ensure(attempt: Attempt, guild: discord.Guild, room: RoomSpec) -> int:
    """Return the id of the session's role, creating it if needed, and delete twins left by a repeated request.

    Nobody has a twin yet: which one counts is decided here, before the role is used.
    """
    attempt.require(_MANAGE_ROLES)
    existing = await _find(guild, room)
    if not existing:
        made = await guild.create_role(
            name=room.name,
            permissions=discord.Permissions.none(),
            hoist=False,
            mentionable=False,
            reason=room.reason,
        )
        existing = await _find(guild, replace(room, role_id=made.id))  # the known role may have been deleted
        existing.sort(key=lambda one: one.id)
    if not existing:
        raise DiscordFailure(f"can't {attempt.task}: Discord confirmed it, but it doesn't exist")
    await _delete(attempt, existing[1:], f"{room.reason}: created twice")
    return existing[0].id


async def give(
    attempt: Attempt, guild: discord.Guild, role_id: int, user_ids: Sequence[int], *, reason: str
) -> None:
    """Give the role to these people, skipping anyone who has left the server."""
    attempt.require(_MANAGE_ROLES, role_id=role_id)
    for user_id in user_ids:
        try:
            member = await guild.fetch_member(user_id)
            if member.get_role(role_id) is None:
                await member.add_roles(discord.Object(role_id), reason=reason)
        except discord.NotFound as error:
            if error.code == UNKNOWN_ROLE:
                raise DiscordFailure(f"can't {attempt.task}: the session's role no longer exists") from error
            if error.code not in (UNKNOWN_MEMBER, UNKNOWN_USER):
                raise


async def remove(attempt: Attempt, guild: discord.Guild, room: RoomSpec) -> None:
    """Delete the session's role and its twins. Requests nothing if the session was never to have one."""
    if room.role_intended_at is None:
        return
    await _delete(attempt, await _find(guild, room), room.reason)


async def _find(guild: discord.Guild, room: RoomSpec) -> list[discord.Role]:
    """Return this session's roles: the stored one, then its twins, but not others of the same name."""
    assert room.role_intended_at is not None, "the intent is stored before the role is requested"
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
        attempt.require(_MANAGE_ROLES, role_id=role.id)
        with expect_gone(UNKNOWN_ROLE):
            await role.delete(reason=reason)
