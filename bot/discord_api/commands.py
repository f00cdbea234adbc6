"""Registers the commands with Discord, each in one place."""

import logging
from datetime import datetime
from typing import Any

import discord
from discord import app_commands
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from models import Heartbeat
from models.storage.database import Database

log = logging.getLogger(__name__)

_PLACE = "commands: "
"""Prefix of the job whose heartbeat says where the commands are: in one server, or everywhere."""

Tree = app_commands.CommandTree[Any]


async def register(tree: Tree, home: discord.Object | None) -> list[app_commands.AppCommand]:
    """Register all commands and return them with their ids.

    With a home server, commands are registered there, and globally only those that work in direct messages too.
    Each request replaces all commands of its place, so repeating it changes nothing, and none is listed twice.
    """
    if home is None:
        return await tree.sync()
    everywhere = in_direct_messages(tree)
    for command in tree.get_commands():
        if command.name not in everywhere:
            tree.remove_command(command.name)
            tree.add_command(command, guild=home)
    return [*await tree.sync(), *await tree.sync(guild=home)]


def in_direct_messages(tree: Tree) -> set[str]:
    """Return the names of the commands that also work in direct messages.

    Not from Discord's answer, of which discord.py 2.7 reads the contexts wrongly.
    """
    contexts = {command.name: command.allowed_contexts for command in tree.get_commands()}
    return {name for name, allowed in contexts.items() if allowed is not None and allowed.dm_channel}


async def remove_from_other_servers(
    client: discord.Client, tree: Tree, home: discord.Object | None, db: Database, now: datetime
) -> None:
    """Remove what servers other than `home` still have from when they were the home server.

    It costs a request per server, so it's done once after `home` has changed. Failures are logged and left for the
    next start.
    """
    job = f"{_PLACE}{home.id if home else 'everywhere'}"
    try:
        async with db.read() as session:
            if await session.get(Heartbeat, job) is not None:
                return
        async for guild in client.fetch_guilds(limit=None, with_counts=False):
            if home is None or guild.id != home.id:
                await _remove_from(tree, guild)
        async with db.begin() as session:
            await session.execute(delete(Heartbeat).where(Heartbeat.job.startswith(_PLACE)))
            session.add(Heartbeat(job=job, at=now))
    except (discord.HTTPException, SQLAlchemyError, OSError) as failure:
        log.warning("commands of other servers were not removed: %s", failure)


async def _remove_from(tree: Tree, guild: discord.abc.Snowflake) -> None:
    try:
        await tree.sync(guild=guild)  # none are registered there, so this removes all
    except discord.Forbidden as refusal:
        log.info("the bot may not have commands in guild %s: %s", guild.id, refusal)
