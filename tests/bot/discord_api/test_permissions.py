"""The invitation asks for exactly what the code uses or passes on."""

import datetime as dt
from typing import Any

import discord

from bot.discord_api.permissions import INVITE
from models.storage.database import Database
from tests.support.simulated import UTC, Academy, academy, lost_answers


def watch(world: Academy) -> set[str]:
    """Collect the permissions that the simulated Discord checks from now on."""
    backend: Any = world.env.backend
    asked: set[str] = set()
    original = backend.require_permissions

    def require(guild_id: int | None, user_id: int, channel_id: int | None, *names: str) -> None:
        if user_id == backend.bot_user.id and guild_id:
            asked.update(names)
            if channel_id is not None:
                # https://discord.com/developers/docs/topics/permissions: it gates all others
                asked.add("view_channel")
        original(guild_id, user_id, channel_id, *names)

    backend.require_permissions = require
    return asked


def passed_on(world: Academy) -> discord.Permissions:
    """Return everything allowed in an overwrite that the bot sent."""
    bits = 0
    for request in world.env.http_requests:
        body = request.json if isinstance(request.json, dict) else {}
        for overwrite in body.get("permission_overwrites") or ():
            bits |= int(overwrite["allow"])
    return discord.Permissions(bits)


async def test_the_invitation_asks_for_exactly_what_is_used_or_passed_on(db: Database) -> None:
    async with academy(db) as world:
        used = watch(world)
        with lost_answers(world, "POST", "/channels/*/messages") as lost:
            await world.open_for_booking()
        assert lost, "the card has to be looked for again, which takes a permission of its own"

        await world.book(world.student, "11:00")
        await world.wait_until(dt.datetime(2026, 3, 2, 11, 30, tzinfo=UTC))

        needed = discord.Permissions(
            passed_on(world).value | discord.Permissions(**dict.fromkeys(used, True)).value
        )
        assert dict(needed) == dict(INVITE)
